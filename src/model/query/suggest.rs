//! Guesses which subject of the cluster query language a misspelt word stands for.

/// Subjects that are whole words.
const FIXED_SUBJECTS: [&str; 6] = [
    "agentConnected",
    "agentVersion",
    "ec2InstanceId",
    "registeredAt",
    "runningTasksCount",
    "task:group",
];

/// Largest number of edits between a word and the subject suggested for it.
const MAX_EDITS: usize = 3;

/// Longest word for which a spelling is suggested, in characters; bounds the time of a guess.
const MAX_CHARACTERS: usize = 160;

/// What to write instead of the unknown subject `word`, as a phrase.
pub(super) fn remedy_for_subject(word: &str) -> String {
    if let Some(subject) = similar_subject(word) {
        return format!("did you mean '{subject}'?");
    }
    format!("write 'attribute:NAME' for an attribute or one of {}", FIXED_SUBJECTS.join(", "))
}

fn similar_subject(word: &str) -> Option<String> {
    if word.chars().count() > MAX_CHARACTERS {
        return None;
    }
    if word.starts_with("ecs.") {
        return Some(format!("attribute:{word}"));
    }
    let as_attribute = word.split_once(':').filter(|(_, name)| !name.is_empty());
    let as_attribute = as_attribute
        .map(|(prefix, name)| (edits(prefix, "attribute"), format!("attribute:{name}")));
    FIXED_SUBJECTS
        .iter()
        .map(|subject| (edits(word, subject), (*subject).to_owned()))
        .chain(as_attribute)
        .filter(|(edits, _)| *edits <= MAX_EDITS)
        .min()
        .map(|(_, subject)| subject)
}

/// Smallest number of characters to insert, remove or replace to make `left` into `right`, upper
/// and lower case being the same (Levenshtein distance). Takes the product of the lengths.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut distances: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = distances[0];
        distances[0] = row + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = distances[column + 1];
            distances[column + 1] = replaced.min(diagonal + 1).min(distances[column] + 1);
        }
    }
    distances[right.len()]
}
