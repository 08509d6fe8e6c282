//! Tests of the built-in instance types and of reading a user's catalogue.

use super::*;
use crate::model::Architecture;

/// A header with every column.
const HEADER: &str = "instance_type,architecture,vcpus,memory_mib,gpus,gpu_model,network_mbps,\
                      enis,awsvpc_tasks,awsvpc_tasks_trunking,usd_per_hour";

/// A header with the columns that every file needs.
const SHORT_HEADER: &str = "instance_type,architecture,vcpus,memory_mib,enis";

fn read(text: &str) -> Result<Catalogue, CatalogueError> {
    Catalogue::from_csv(text, "mine.csv")
}

/// The error of a file with the full header and one row on line 2.
fn row_error(row: &str) -> CatalogueError {
    read(&format!("{HEADER}\n{row}\n")).unwrap_err()
}

/// Asserts that one row is refused for one value, and gives back the remedy.
fn refused(row: &str, column: &str, value: &str) -> String {
    let message = row_error(row).to_string();
    let start = format!("mine.csv:2: column `{column}`: {value:?} is refused: ");
    let remedy = message.strip_prefix(&start);
    remedy.unwrap_or_else(|| panic!("{message}\ndoes not start with\n{start}")).to_owned()
}

#[test]
fn the_built_in_table_is_read_and_has_unique_types() {
    let catalogue = Catalogue::built_in();
    assert!((90..=130).contains(&catalogue.iter().count()));
    let mut names: Vec<&str> = catalogue.iter().map(|known| &*known.name).collect();
    names.sort_unstable();
    assert!(names.is_sorted_by(|a, b| a < b), "a name is there twice");
    for known in &catalogue {
        assert_eq!(catalogue.get(&known.name), Ok(known));
    }
}

#[test]
fn the_built_in_table_is_sorted_by_family_then_size() {
    let key = |name: &str| {
        let (family, size) = name.split_once('.').unwrap();
        let fixed = ["micro", "small", "medium", "large", "xlarge"];
        let rank = fixed.iter().position(|fixed| *fixed == size).unwrap_or_else(|| {
            fixed.len() + size.strip_suffix("xlarge").unwrap().parse::<usize>().unwrap()
        });
        (family.to_owned(), rank)
    };
    let catalogue = Catalogue::built_in();
    assert!(catalogue.iter().map(|known| key(&known.name)).is_sorted_by(|a, b| a < b));
}

#[test]
fn the_built_in_table_states_its_date_and_region() {
    assert!(BUILT_IN.starts_with('#'));
    assert!(BUILT_IN.contains(AS_OF));
    assert!(BUILT_IN.contains("us-east-1"));
}

#[test]
fn every_built_in_type_makes_sense() {
    for known in &Catalogue::built_in() {
        let name = &*known.name;
        let family = name.split('.').next().unwrap();
        let graviton = ["t4g", "m7g", "m8g", "c6g", "c7g", "c8g", "r6g", "r7g", "r8g"];
        let arm = graviton.contains(&family);
        assert_eq!(known.architecture == Architecture::Arm64, arm, "{name}");
        assert!(known.usd_per_hour_nano.is_some_and(|nano| nano > 0), "{name}");
        assert_eq!(known.gpus > 0, family.starts_with(['g', 'p']), "{name}");
        assert_eq!(known.gpus > 0, known.gpu_model.is_some(), "{name}");
        assert!(known.awsvpc_tasks < known.enis, "{name}");
        let gains = known.awsvpc_tasks_trunking.is_none_or(|tasks| tasks > known.awsvpc_tasks);
        assert!(gains, "{name}");
    }
}

#[test]
fn price_per_vcpu_is_the_same_for_every_size_of_a_family() {
    let catalogue = Catalogue::built_in();
    let general = |known: &&InstanceType| known.name.starts_with(['m', 'c', 'r']);
    for known in catalogue.iter().filter(general) {
        let (family, _) = known.name.split_once('.').unwrap();
        let large = catalogue.get(&format!("{family}.large")).unwrap();
        let per_vcpu = |of: &InstanceType| of.usd_per_hour_nano.unwrap() / u64::from(of.vcpus);
        assert_eq!(per_vcpu(known), per_vcpu(large), "{}", known.name);
    }
}

#[test]
fn well_known_types_agree_to_the_digit() {
    // Architecture, vCPUs, MiB, GPUs, model, interfaces, awsvpc tasks without and with trunking,
    // billionths of a dollar per hour.
    let table = "\
        t3.medium X86_64 2 4096 0 - 3 2 - 41600000
        m5.large X86_64 2 8192 0 - 3 2 10 96000000
        m5.xlarge X86_64 4 16384 0 - 4 3 20 192000000
        m5.4xlarge X86_64 16 65536 0 - 8 7 60 768000000
        m5.24xlarge X86_64 96 393216 0 - 15 14 120 4608000000
        m6i.xlarge X86_64 4 16384 0 - 4 3 20 192000000
        m7g.large ARM64 2 8192 0 - 3 2 10 81600000
        c5.large X86_64 2 4096 0 - 3 2 10 85000000
        c6i.xlarge X86_64 4 8192 0 - 4 3 20 170000000
        r5.large X86_64 2 16384 0 - 3 2 10 126000000
        g4dn.xlarge X86_64 4 16384 1 T4 3 2 - 526000000
        g4dn.12xlarge X86_64 48 196608 4 T4 8 7 - 3912000000
        p3.2xlarge X86_64 8 62464 1 V100 4 3 40 3060000000
        p3.16xlarge X86_64 64 499712 8 V100 8 7 120 24480000000";
    let catalogue = Catalogue::built_in();
    let or_dash = |number: Option<u32>| number.map_or("-".to_owned(), |known| known.to_string());
    for expected in table.lines().map(str::trim) {
        let known = catalogue.get(expected.split(' ').next().unwrap()).unwrap();
        let found = [
            known.name.clone(),
            known.architecture.as_str().to_owned(),
            known.vcpus.to_string(),
            known.memory_mib.to_string(),
            known.gpus.to_string(),
            known.gpu_model.clone().unwrap_or("-".to_owned()),
            known.enis.to_string(),
            known.awsvpc_tasks.to_string(),
            or_dash(known.awsvpc_tasks_trunking),
            known.usd_per_hour_nano.unwrap().to_string(),
        ];
        assert_eq!(found.join(" "), expected);
    }
    assert_eq!(table.lines().count(), 14);
}

#[test]
fn ecs_2_trunking_limits_prefer_the_documented_number_to_the_estimate() {
    let catalogue = Catalogue::built_in();
    let tasks = |name: &str| catalogue.get(name).unwrap().awsvpc_tasks_trunking;
    // Documented, although floor(84 x 1.11) = 93 and floor(54 x 1.11) = 59.
    assert_eq!((tasks("m6i.8xlarge"), tasks("m7g.8xlarge")), (Some(90), Some(60)));
    // Estimated: 9, 84 and 54 branch interfaces.
    assert_eq!((tasks("m7i.large"), tasks("m7i.8xlarge")), (Some(9), Some(93)));
    assert_eq!(tasks("m8g.8xlarge"), Some(59));
    // Documented as unsupported, although it has branch interfaces.
    assert_eq!(tasks("r5.8xlarge"), None);
}

#[test]
fn ecs_2_registered_memory_is_nominal_less_overhead_rounded_down() {
    let catalogue = Catalogue::built_in();
    let large = catalogue.get("m5.large").unwrap();
    // 8192 x 0.95 = 7782.4.
    assert_eq!(large.registered_memory_mib(DEFAULT_MEMORY_OVERHEAD_THOUSANDTHS), 7782);
    assert_eq!(large.registered_memory_mib(0), 8192);
    assert_eq!(large.registered_memory_mib(999), 8);
    assert_eq!(large.registered_memory_mib(1000), 0);
    let huge = InstanceType { memory_mib: u32::MAX, ..large.clone() };
    assert_eq!(huge.registered_memory_mib(0), u32::MAX);
}

#[test]
#[should_panic(expected = "more than all memory")]
fn an_overhead_above_the_whole_is_a_bug() {
    Catalogue::built_in().get("m5.large").unwrap().registered_memory_mib(1001);
}

#[test]
fn an_unknown_type_is_answered_with_near_names_and_how_to_list() {
    let catalogue = Catalogue::built_in();
    let message = |name: &str| catalogue.get(name).unwrap_err().to_string();
    let misspelt = message("m5.lagre");
    assert!(misspelt.starts_with("unknown instance type \"m5.lagre\" in the built-in catalogue: "));
    assert!(misspelt.contains("did you mean `m5.large`? "), "{misspelt}");
    assert!(misspelt.contains("`towtank list instance-types`"), "{misspelt}");
    assert!(message("M5.LARGE").contains("did you mean `m5.large`? "));
    assert!(message("m5large").contains("did you mean `m5.large`? "));
    let between = message("m5.3xlarge");
    assert!(
        between.contains("did you mean `m5.xlarge` or `m5.2xlarge` or `m5.4xlarge`? "),
        "{between}"
    );
    for nothing_near in ["", "quantum", "database.huge"] {
        let message = message(nothing_near);
        assert!(!message.contains("did you mean"), "{message}");
    }
    let mine = read(&format!("{SHORT_HEADER}\nrack,ARM64,64,1000,2\n")).unwrap();
    assert!(mine.get("rock").unwrap_err().to_string().contains("in mine.csv: did you mean `rack`"));
}

#[test]
fn columns_may_come_in_any_order_and_optional_ones_may_be_missing() {
    let text = "enis,memory_mib,vcpus,architecture,instance_type,usd_per_hour\n\
                4,1000,64,arm64,rack-1,0.5\n3,2000,2,X86_64,rack-0,\n";
    let catalogue = read(text).unwrap();
    let rack = InstanceType {
        name: "rack-1".to_owned(),
        architecture: Architecture::Arm64,
        vcpus: 64,
        memory_mib: 1000,
        gpus: 0,
        gpu_model: None,
        network_mbps: None,
        enis: 4,
        awsvpc_tasks: 3,
        awsvpc_tasks_trunking: None,
        usd_per_hour_nano: Some(500_000_000),
    };
    assert_eq!(catalogue.get("rack-1"), Ok(&rack));
    assert_eq!(catalogue.get("rack-0").unwrap().usd_per_hour_nano, None);
    let in_file_order: Vec<&str> = catalogue.iter().map(|known| &*known.name).collect();
    assert_eq!(in_file_order, ["rack-1", "rack-0"]);
}

#[test]
fn every_column_is_read() {
    let catalogue =
        read(&format!("{HEADER}\na.b,X86_64,1,2,3,\"T4, small\",4,5,1,7,8.9\n")).unwrap();
    let read = InstanceType {
        name: "a.b".to_owned(),
        architecture: Architecture::X86_64,
        vcpus: 1,
        memory_mib: 2,
        gpus: 3,
        gpu_model: Some("T4, small".to_owned()),
        network_mbps: Some(4),
        enis: 5,
        awsvpc_tasks: 1,
        awsvpc_tasks_trunking: Some(7),
        usd_per_hour_nano: Some(8_900_000_000),
    };
    assert_eq!(catalogue.iter().collect::<Vec<_>>(), [&read]);
}

#[test]
fn byte_order_mark_line_ends_comments_and_blanks_do_not_matter() {
    let plain = read(&format!("{SHORT_HEADER}\na,X86_64,1,2,3\nb,ARM64,1,2,3")).unwrap();
    let variants = [
        format!("\u{feff}{SHORT_HEADER}\r\na,X86_64,1,2,3\r\nb,ARM64,1,2,3\r\n"),
        format!("\u{feff}# mine\n\n{SHORT_HEADER}\n# one\na,X86_64,1,2,3\n\n  \nb,ARM64,1,2,3\n#"),
        format!(" {} \n a , x86_64 , 1 ,\t2, 3\nb,arm64,1,2,3\n", SHORT_HEADER.replace(',', " , ")),
    ];
    for text in variants {
        assert_eq!(read(&text).as_ref(), Ok(&plain), "{text:?}");
    }
}

#[test]
fn lines_are_counted_with_comments_blanks_and_quoted_line_ends() {
    for end in ["\n", "\r\n"] {
        let lines = [
            "# one",
            "",
            SHORT_HEADER,
            "# four",
            "",
            "a,X86_64,1,2,3",
            "",
            "# eight",
            "  ",
            "",
            "\"b\n c\",X86_64,1,2,3",
        ];
        let message = read(&lines.join(end)).unwrap_err().to_string();
        assert!(message.starts_with("mine.csv:11: column `instance_type`: "), "{message}");
    }
    let text = format!("{HEADER}\na,X86_64,1,2,3,\"T\n4\",1,2,1,,1\nb,X86_64,0,2,0,,1,2,1,,1\n");
    let message = read(&text).unwrap_err().to_string();
    assert!(message.starts_with("mine.csv:4: column `vcpus`: \"0\" "), "{message}");
}

#[test]
fn an_empty_file_is_refused() {
    for text in ["", "\u{feff}", "\n\r\n \n", "# only this\n", HEADER, &format!("{HEADER}\n# none")]
    {
        let message = read(text).unwrap_err().to_string();
        assert!(
            message.starts_with("mine.csv: the catalogue is empty: give a header"),
            "{message}"
        );
    }
}

#[test]
fn an_unknown_column_is_answered_with_a_near_name() {
    let text = format!("# mine\n{SHORT_HEADER},usd_per_hr\na,X86_64,1,2,3,4\n");
    let message = read(&text).unwrap_err().to_string();
    let start = "mine.csv:2: unknown column \"usd_per_hr\": did you mean `usd_per_hour`? the \
                 columns are instance_type, ";
    assert!(message.starts_with(start), "{message}");
    let message = read(&SHORT_HEADER.replace("vcpus", "VCPUs")).unwrap_err().to_string();
    assert!(message.contains("did you mean `vcpus`? "), "{message}");
    let message = read(&SHORT_HEADER.replace(',', ";")).unwrap_err().to_string();
    assert!(message.contains("separate the columns with commas"), "{message}");
    let message = read(&format!("{SHORT_HEADER},\na,X86_64,1,2,3,\n")).unwrap_err().to_string();
    assert!(message.starts_with("mine.csv:1: unknown column \"\": the columns are"), "{message}");
}

#[test]
fn repeated_and_missing_columns_are_refused() {
    let message = read(&format!("{SHORT_HEADER},vcpus\n")).unwrap_err().to_string();
    assert_eq!(message, "mine.csv:1: column `vcpus` is given twice: remove one of them");
    for (index, missing) in SHORT_HEADER.split(',').enumerate() {
        let mut columns: Vec<&str> = HEADER.split(',').collect();
        columns.retain(|column| *column != missing);
        let message = read(&columns.join(",")).unwrap_err().to_string();
        let start = format!("mine.csv:1: column `{missing}` is missing: every catalogue needs ");
        assert!(message.starts_with(&start), "{index}: {message}");
    }
}

#[test]
fn rows_of_another_width_than_the_header_are_refused() {
    for (row, found) in [("a,X86_64,1,2", 4), ("a,X86_64,1,2,0,,,3,,,,", 12), ("\"a,X86_64,1", 1)] {
        let message = row_error(row).to_string();
        let start = format!("mine.csv:2: {found} fields where the header has 11: ");
        assert!(message.starts_with(&start), "{message}");
    }
}

#[test]
fn an_instance_type_given_twice_is_refused_with_both_lines() {
    let text =
        format!("{SHORT_HEADER}\na,X86_64,1,2,3\n# between\nb,X86_64,1,2,3\na,X86_64,9,9,9\n");
    let message = read(&text).unwrap_err().to_string();
    let expected = "mine.csv:5: instance type `a` was given on line 2 already: remove one of the \
                    two lines";
    assert_eq!(message, expected);
}

#[test]
fn numbers_must_be_whole_and_in_range() {
    // The columns between the name and the price, each with values it refuses.
    let template = ["a", "X86_64", "1", "2", "0", "", "", "3", "", "", ""];
    let above = "99999999999999999999";
    let cases: [(usize, &str, &[&str]); 7] = [
        (2, "vcpus", &["", "0", "-1", "+1", "1.5", "two", "16385", "4294967296", above]),
        (3, "memory_mib", &["", "0", "-1", "8 GiB", "8,192", "1073741825", above]),
        (4, "gpus", &["-1", "0.5", "65536", "x", above]),
        (6, "network_mbps", &["-1", "10G", "4294967296", above]),
        (7, "enis", &["", "0", "-3", "65536", "many", above]),
        (8, "awsvpc_tasks", &["-2", "65536", "1e2", above]),
        (9, "awsvpc_tasks_trunking", &["-2", "65536", "none", above]),
    ];
    for (field, column, values) in cases {
        for value in values {
            let quoted = format!("\"{value}\"");
            let mut row = template;
            row[field] = &quoted;
            let remedy = refused(&row.join(","), column, value);
            assert!(remedy.starts_with("give a whole number from "), "{remedy}");
        }
    }
    let remedy = refused("a,X86_64,1,0,0,,,3,,,", "memory_mib", "0");
    let expected = "give a whole number from 1 to 1073741824, without sign, unit or separators";
    assert_eq!(remedy, expected);
}

#[test]
fn the_ends_of_each_range_are_accepted() {
    let least = "a,X86_64,1,1,0,,0,1,0,0,0\n";
    let most = "b,X86_64,16384,1073741824,65535,H100,4294967295,65535,65535,65535,\
                18446744073.709551615\n";
    let catalogue = read(&format!("{HEADER}\n{least}{most}")).unwrap();
    assert_eq!(catalogue.get("a").unwrap().usd_per_hour_nano, Some(0));
    let most = catalogue.get("b").unwrap();
    assert_eq!((most.vcpus, most.memory_mib, most.gpus), (MAX_VCPUS, MAX_MEMORY_MIB, u16::MAX));
    assert_eq!((most.network_mbps, most.usd_per_hour_nano), (Some(u32::MAX), Some(u64::MAX)));
}

#[test]
fn prices_must_be_plain_decimals() {
    let above = "18446744073.709551616";
    for price in ["-0.1", "+1", "$0.10", "0.1 USD", "1e-3", "free", "NaN", "0.0000000001", above] {
        let remedy = refused(&format!("a,X86_64,1,2,0,,,3,,,{price}"), "usd_per_hour", price);
        assert!(remedy.starts_with("give US dollars per hour as a plain decimal"), "{remedy}");
    }
}

#[test]
fn names_architectures_and_gpu_models_are_checked() {
    let remedy = refused(",X86_64,1,2,0,,,3,,,", "instance_type", "");
    assert_eq!(remedy, "give a name without white space, such as m5.large");
    refused("m5 large,X86_64,1,2,0,,,3,,,", "instance_type", "m5 large");
    refused("m5\u{7}large,X86_64,1,2,0,,,3,,,", "instance_type", "m5\u{7}large");
    for wrong in ["", "amd64", "aarch64", "X86-64"] {
        let remedy = refused(&format!("a,{wrong},1,2,0,,,3,,,"), "architecture", wrong);
        assert_eq!(remedy, "give X86_64 or ARM64");
    }
    refused("a,X86_64,1,2,0,T4,,3,,,", "gpu_model", "T4");
    refused("a,X86_64,1,2,,T4,,3,,,", "gpu_model", "T4");
}

#[test]
fn a_very_long_value_is_shortened_in_the_message() {
    let value = "é".repeat(100_000);
    let shown = format!("{}...", "é".repeat(60));
    refused(&format!("a,X86_64,{value},2,0,,,3,,,"), "vcpus", &shown);
    let message = read(&format!("{SHORT_HEADER},{value}\n")).unwrap_err().to_string();
    assert!(message.len() < 600, "{} bytes", message.len());
}
