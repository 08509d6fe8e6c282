//! Whether finished runs are runs of one arm: of the same scenario but for the seed.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::scenario::Manifest;

/// Keys on which no figure of a run depends, and the seed, by which runs of an arm differ.
const WITHOUT_MEANING: [&str; 4] = ["seed", "description", "record", "placement.placer"];

/// The first key, in alphabetical order, by which two runs are not of the same scenario; then the
/// first file that has changed between them.
pub fn first_difference(a: &Manifest, b: &Manifest) -> Option<String> {
    different_key(&a.scenario, &b.scenario, "").or_else(|| different_input(a, b))
}

fn different_key(a: &Value, b: &Value, path: &str) -> Option<String> {
    if a == b || WITHOUT_MEANING.contains(&path) {
        return None;
    }
    let (Value::Object(a), Value::Object(b)) = (a, b) else {
        return Some(path.to_owned());
    };
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    keys.into_iter().find_map(|key| {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        // What is not set is null or left out.
        let [a, b] = [a, b].map(|table| table.get(key).unwrap_or(&Value::Null));
        different_key(a, b, &path)
    })
}

/// A file that was another in the second run. One per seed is different in every run.
fn different_input(a: &Manifest, b: &Manifest) -> Option<String> {
    let other = |key: &str, hash: &str| b.inputs.get(key).is_none_or(|input| input.xxh3 != hash);
    let inputs = a.inputs.iter().filter(|(_, input)| !input.path.contains("{seed}"));
    let mut changed = inputs.filter(|(key, input)| other(key, &input.xxh3));
    changed.next().map(|(key, input)| format!("what {key}, {}, held", input.path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(scenario: &Value, path: &str, hash: &str) -> Manifest {
        let inputs = json!({ "workload.w.file": { "path": path, "xxh3": hash } });
        let manifest = json!({
            "engine_version": "1", "arm": "random", "seed": 1, "fingerprint": "",
            "workload_fingerprint": "", "scenario": scenario, "inputs": inputs,
        });
        serde_json::from_value(manifest).unwrap()
    }

    #[test]
    fn scenarios_that_differ_in_a_key() {
        let scenario = |text: &str| manifest(&serde_json::from_str(text).unwrap(), "t", "0");
        let base = "{\"seed\": 1, \"a\": {\"b\": 1, \"c\": null}, \"l\": [1, 2]}";
        for (other, key) in [
            ("{\"seed\": 2, \"a\": {\"b\": 1}, \"l\": [1, 2]}", None),
            ("{\"seed\": 2, \"a\": {\"b\": 1}, \"l\": [1, 2], \"record\": {\"x\": 1}}", None),
            ("{\"seed\": 1, \"a\": {\"b\": 2}, \"l\": []}", Some("a.b")),
            ("{\"seed\": 1, \"a\": {\"b\": 1, \"d\": 1}, \"l\": [1, 2]}", Some("a.d")),
            ("{\"a\": {\"b\": 1, \"seed\": 1}, \"l\": [1, 2]}", Some("a.seed")),
            ("{\"a\": {\"b\": 1}, \"l\": [1, 3]}", Some("l")),
        ] {
            let found = first_difference(&scenario(base), &scenario(other));
            assert_eq!(found.as_deref(), key, "{other}");
        }
    }

    #[test]
    fn files_that_have_changed() {
        let read = |path, hash| manifest(&json!({}), path, hash);
        assert_eq!(first_difference(&read("t.csv", "0"), &read("t.csv", "0")), None);
        let found = first_difference(&read("t.csv", "0"), &read("t.csv", "1"));
        assert_eq!(found.as_deref(), Some("what workload.w.file, t.csv, held"));
        assert_eq!(first_difference(&read("{seed}.csv", "0"), &read("{seed}.csv", "1")), None);
    }
}
