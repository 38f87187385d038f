//! Programs in jq that would take all memory, all time or all stack of the process: each is ended, or does what it says,
//! within bounds, and the process lives on. In a process of its own, for its memory is measured.

use std::{
    fs,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tidegate_connectors::{Connection, Registry, transform};
use tidegate_core::ports::{Transform, Transformed};

/// One test at a time: what the other one takes is not to be measured.
static ALONE: Mutex<()> = Mutex::new(());

/// The most that the process may ever have taken, in kB.
const PEAK_KB_MAX: u64 = 256 * 1024;
/// The longest that one program may take on a busy machine, without optimisation.
const LONGEST: Duration = Duration::from_secs(20);

fn program(program: &str) -> Box<dyn Transform> {
    let program = serde_json::to_string(program).unwrap();
    let flow = format!(
        "flow: hostile
source: {{ http: {{ url: 'https://a.example', cursor: {{ by: id }}, pagination: none }} }}
transform: {{ jq: {program} }}
destination: {{ http: {{ url: 'https://b.example' }} }}
"
    );
    let flow =
        tidegate_flow::parse("hostile.yaml", &flow).unwrap_or_else(|errors| panic!("{errors}"));
    transform(&flow, &Connection::default(), &Registry::new()).unwrap()
}

/// The most memory that this process ever had, in kB.
fn peak_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Ended by the budget: the record is refused with this in its reason.
const ENDED: [&str; 10] = [
    "too long",
    "too deeply",
    "MiB of values",
    "text of more than",
    "output is larger",
    "output is nested",
    "more than 2,000 times",
    "too high",
    "100,000 characters",
    "so long a number",
];

/// Records are texts of 600 kB where the program is given by itself, and what stands beside it otherwise.
const HOSTILE: &[(&str, &str)] = &[
    // Texts of any size in one term.
    (r#""*" * 1000000000000"#, "1"),
    (r#""*" * 1e18"#, "1"),
    (r#"1000000000000 * "ab""#, "1"),
    (r#""ab" * 100000000000000000000000000"#, "1"),
    (r#""*" * 4000000000 | length"#, "1"),
    (r#"reduce range(60) as $i ("x"; . + .)"#, "1"),
    (r#"reduce range(60) as $i ("x"; "\(.)\(.)")"#, "1"),
    (r#"[limit(100; repeat("x" * 1000000))] | add"#, "1"),
    (r#"[range(1000) | "x" * 100000] | join(",")"#, "1"),
    (r#""<" * 2000000 | @html | @html | @html"#, "1"),
    (r#""\"" * 8000000 | tojson | tojson | tojson | tojson"#, "1"),
    (
        r#"reduce range(30) as $i ("ab"; @base64)  | reduce range(30) as $i (.; @base64) | length"#,
        "1",
    ),
    (r#"reduce range(40) as $i ("%"; @uri) | reduce range(40) as $i (.; @uri)"#, "1"),
    (r#""'" * 8000000 | @sh | @sh"#, "1"),
    (r#""x" * 8000000 | explode | map(. + 1) | implode"#, "1"),
    (r#""x" * 8000000 | . / """#, "1"),
    (r#""x" * 8000000 | split("")"#, "1"),
    (r#"[range(20) | "x" * 8000000]"#, "1"),
    (r#""x" * 8000000 | .[0:1] = ("y" * 8000000)"#, "1"),
    (r#""x" * 8000000 | [., ., ., ., ., .] | tojson"#, "1"),
    // Arrays and objects of any size.
    ("reduce range(60) as $i ([1]; . + .)", "1"),
    ("reduce range(60) as $i ([1, 2]; . + .) | sort", "1"),
    ("[[range(100)], [range(100)], [range(100)], [range(100)]] | [combinations] | length", "1"),
    ("[range(20)] | [combinations(12)] | length", "1"),
    ("[[range(1000)]] | [.[], .[], .[]] | transpose | transpose | [.[] | .[]] | length", "1"),
    ("reduce range(40) as $i ({}; {a: ., b: .}) | . * .", "1"),
    ("reduce range(40) as $i ({}; {a: ., b: .}) | [paths]", "1"),
    ("reduce range(40) as $i ({}; {a: ., b: .}) | [..] | length", "1"),
    ("[limit(1e9; repeat(1))] | length", "1"),
    ("[range(1e12)]", "1"),
    ("[range(90000)] | map({(tostring): .}) | add | to_entries | length", "1"),
    ("[recurse([., .])] | length", "1"),
    ("[.[]?, (reduce range(25) as $i ([0]; . + .))] | flatten | length", "1"),
    ("reduce range(25) as $i ([0]; . + .) | group_by(.) | length", "1"),
    ("reduce range(25) as $i ([0]; . + .) | unique", "1"),
    ("reduce range(25) as $i ([0]; . + .) | reverse | reverse | reverse | length", "1"),
    // What is shared many times over, looked at as if each were apart.
    (r#"reduce range(60) as $i ("x"; [., .]) | tojson"#, "1"),
    (r#"reduce range(60) as $i ("x"; [., .]) | "\(.)" | length"#, "1"),
    (r#"reduce range(60) as $i ("x"; [., .]) | @json "a\(.)" | length"#, "1"),
    (
        "(reduce range(60) as $i (0; [., .])) as $a | (reduce range(60) as $i (0; [., .])) as $b | $a == $b",
        "1",
    ),
    ("(reduce range(60) as $i (0; [., .])) as $a | [$a, $a, $a] | sort", "1"),
    ("(reduce range(60) as $i (0; {a: ., b: .})) as $a | [$a, $a] | max", "1"),
    ("(reduce range(60) as $i (0; [., .])) as $a | {} | .[$a]?", "1"),
    ("(reduce range(60) as $i (0; [., .])) as $a | [[$a]] - [[$a]]", "1"),
    ("(reduce range(60) as $i (0; [., .])) as $a | [$a] | contains([$a])", "1"),
    ("(reduce range(60) as $i (0; [., .])) as $a | [$a] | indices($a)", "1"),
    ("(reduce range(60) as $i (0; [., .])) as $a | [$a] | index([$a])", "1"),
    ("(reduce range(60) as $i (0; [., .])) as $a | [$a] | bsearch($a)", "1"),
    ("(reduce range(60) as $i (0; [., .])) as $a | error($a)", "1"),
    ("(reduce range(60) as $i (0; [., .])) as $a | $a | tobytes", "1"),
    ("(reduce range(60) as $i (0; [., .])) as $a | $a | flatten | length", "1"),
    // Regular expressions.
    (r#"gsub("."; "\(.string // "x")yy")"#, "long"),
    (r#"gsub(""; "-")"#, "long"),
    (r#"gsub("a"; "b")"#, "long"),
    (r#"[match("."; "g")] | length"#, "long"),
    (r#"[splits("a")] | length"#, "long"),
    (r#"[capture("(?<a>.)"; "g")] | length"#, "long"),
    (r#"test("(a{1000}){1000}")"#, "long"),
    (r#"test("((((a{100}){100}){100}){100}){100}")"#, "long"),
    (r#"test("(a*)*(a*)*(a*)*b")"#, "long"),
    (r#"[range(90000)] | map(tostring | test("^(a|b|c){1,40}$")) | any"#, "1"),
    (r#"test("x" * 5000000)"#, "1"),
    (r#"ltrimstr("a") | rtrimstr("a") | [splits("aaaaaaaaab")] | length"#, "long"),
    (r#"indices("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab") | length"#, "long"),
    (r#". as $t | indices($t[0:300000]) | length"#, "long"),
    (r#"[range(1000) as $i | ascii_downcase | length] | add"#, "long"),
    // Numbers.
    ("reduce range(60) as $i (10; . * .)", "1"),
    ("reduce range(60) as $i (99999999999999999999999; . * .) | tojson | length", "1"),
    (r#""9" * 1000000 | tonumber | . * . | tojson | length"#, "1"),
    (r#""9" * 5000000 | fromjson"#, "1"),
    ("[jn(2000000000; 1.5)]", "1"),
    ("[yn(2000000000; 1.5)]", "1"),
    ("[limit(50000; range(50000))] | map(pow(.; 300)) | add", "1"),
    // JSON in a text.
    (r#""[" * 5000000 | fromjson"#, "1"),
    (r#""[]," * 2500000 | "[" + . + "0]" | fromjson | length"#, "1"),
    (r#""0 " * 4000000 | [fromjson] | length"#, "1"),
    // Paths.
    ("[paths(..)] | length", "[[[[[[[[[[1]]]]]]]]]]"),
    ("[range(300)] | [.[] as $a | .[] as $b | .[] as $c | 1] | length", "1"),
    ("reduce range(3000) as $i (null; setpath([range($i)]; 1))", "1"),
    (".[1000000000] = 1", "[]"),
    ("[range(20000)] | del(.[range(20000)])", "1"),
    ("def f: [f]; f", "1"),
    ("def f: f, f; [f] | length", "1"),
    ("until(false; [., .])", "1"),
    ("walk([., .])", "[1]"),
    ("[range(50000)] | map([.]) | map(tojson) | join(\"\") | length", "1"),
    ("limit(100000; repeat(1)) as $x | $x", "1"),
    ("first(range(1e12) | select(. < 0))", "1"),
];

#[test]
fn a_hostile_program_is_ended_within_bounds_and_the_process_lives_on() {
    let long = serde_json::to_string(&"a".repeat(600_000)).unwrap();
    let mut unbounded = Vec::new();
    let mut ended = 0;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for (text, record) in HOSTILE {
        let record = if *record == "long" { &long } else { *record };
        let program = program(text);
        let mut out = Vec::new();
        let began = Instant::now();
        let transformed = program.apply(record.as_bytes(), None, &mut out);
        let (took, peak_kb) = (began.elapsed(), peak_kb());
        match &transformed {
            Transformed::Refused(reason) => {
                ended += usize::from(ENDED.iter().any(|ended| reason.contains(ended)));
                if reason.contains("fault in jq") || reason.contains("failed on this record") {
                    unbounded.push(format!("{text}: {reason}"));
                }
            }
            Transformed::Written | Transformed::Filtered => {}
            other => unbounded.push(format!("{text}: {other:?}")),
        }
        if took > LONGEST || peak_kb > PEAK_KB_MAX {
            unbounded.push(format!("{text}: {took:?}, {peak_kb} kB, {transformed:.120?}"));
        }
        if std::env::var("TIDEGATE_TELL").is_ok() {
            println!(
                "{took:>12.1?} {peak_kb:>7} kB {text:.70}: {transformed:?} {:.40}",
                String::from_utf8_lossy(&out)
            );
        }
    }
    assert!(unbounded.is_empty(), "\n{}", unbounded.join("\n"));
    assert!(ended >= 60, "{ended} of {} were ended", HOSTILE.len());
}

#[test]
fn usual_programs_are_far_from_the_budget() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let lines: Vec<_> = (0..500)
        .map(|at| serde_json::json!({ "sku": format!("sku-{at}"), "quantity": at, "price": 1.5, "tags": ["a", "b"] }))
        .collect();
    let record =
        serde_json::json!({ "id": 1, "lines": lines, "text": "word ".repeat(500) }).to_string();
    for (text, expected) in [
        ("[.lines[] | .quantity * .price] | add", "187125.0"),
        ("[.lines[] | select(.quantity % 2 == 0)] | length", "250"),
        (".lines | map(.sku) | sort | unique | join(\",\") | length", "3889"),
        (".lines | group_by(.quantity % 10) | map(length) | add", "500"),
        ("reduce .lines[] as $l (\"\"; . + $l.sku + \"\\n\") | length", "3890"),
        (".text | gsub(\"word\"; \"w\") | length", "1000"),
        (".text | [splits(\" \")] | length", "501"),
        (".lines | map({key: .sku, value: .quantity}) | from_entries | length", "500"),
        ("[.. | numbers] | length", "1001"),
        (". | tojson | fromjson | .lines | length", "500"),
    ] {
        let mut out = Vec::new();
        let transformed = program(text).apply(record.as_bytes(), None, &mut out);
        assert_eq!(transformed, Transformed::Written, "{text}");
        assert_eq!(String::from_utf8_lossy(&out), expected, "{text}");
    }
}
