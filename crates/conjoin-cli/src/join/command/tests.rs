use serde_json::json;

use super::*;

fn good(line: &str) -> Command {
    read(line).expect("there is something in it").command.unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn wrong(line: &str) -> String {
    read(line).expect("there is something in it").command.expect_err(line)
}

fn set(value: impl Into<conjoin::Value>) -> Command {
    Command::SetRegister { register: "title".into(), value: value.into() }
}

#[test]
fn values_are_json_or_a_bare_word() {
    assert_eq!(good("set title Atlas"), set("Atlas"));
    assert_eq!(good("  set   title\t\"two words\" "), set("two words"));
    assert_eq!(good("set title -3"), set(-3));
    assert_eq!(good("set title 1.5"), set(1.5));
    assert_eq!(good("set title true"), set(true));
    assert_eq!(good("set title null"), set(conjoin::Value::Null));
    assert_eq!(good("set title \"3\""), set("3"));
    assert_eq!(good("set title 3x"), set("3x"));
    assert_eq!(good(r#"set title {"$bytes":"AQID"}"#), set(vec![1u8, 2, 3]));
    assert_eq!(good(r#"set "title" "\u0041\n""#), set("A\n"));
}

#[test]
fn with_a_key_a_map_is_written() {
    let key = |value| Command::SetKey { map: "plan".into(), key: "a1".into(), value };
    assert_eq!(good("set plan a1 7"), key(json!(7)));
    assert_eq!(
        good(r#"set plan a1 {"done": false, "of": [1, "b c"]}"#),
        key(json!({"done": false, "of": [1, "b c"]}))
    );
    assert_eq!(good("unset plan 1"), Command::Unset { map: "plan".into(), key: "1".into() });
}

#[test]
fn counters_count_in_whole_numbers_or_in_fractions() {
    let increment = |by| Command::Increment { counter: "clicks".into(), by };
    assert_eq!(good("increment clicks"), increment(Amount::Whole(1)));
    assert_eq!(good("increment clicks -2"), increment(Amount::Whole(-2)));
    assert_eq!(good("increment clicks 0.5"), increment(Amount::Fraction(0.5)));
    assert!(wrong("increment clicks two").contains("\"two\" is no number"));
    assert!(wrong("increment clicks 9223372036854775808").contains("too large"));
}

#[test]
fn texts_take_the_rest_of_the_line() {
    let append = |what: &str| Command::Append { text: "notes".into(), what: what.into() };
    assert_eq!(good("append notes and  so on, \"he\" said"), append("and  so on, \"he\" said"));
    assert_eq!(good("append notes \" with space \""), append(" with space "));
    assert_eq!(good("append notes 3"), append("3"));
    assert_eq!(good("append notes [x]"), append("[x]"));
    let insert = Command::Insert { text: "notes".into(), at: 0, what: "Once upon".into() };
    assert_eq!(good("insert notes 0 Once upon"), insert);
    assert_eq!(good("delete notes 0 5"), Command::Delete { text: "notes".into(), at: 0, count: 5 });
    assert!(wrong("append notes \"a\" b").contains("is too much"));
    assert!(wrong("append notes").contains("type append TEXT WORDS, for example append notes and so on"));
}

#[test]
fn lists_and_sets_take_several_values() {
    let push = Command::Push { list: "todo".into(), values: vec![json!("a"), json!([1]), json!("b c")] };
    assert_eq!(good("push todo a [1] \"b c\""), push);
    let add = Command::Add { set: "tags".into(), values: vec!["a".into(), 1.into()] };
    assert_eq!(good("add tags a 1"), add);
    assert!(wrong("add tags [1]").contains("only a string, number, true, false or null"));
    assert_eq!(good("remove todo 2"), Command::Remove { list: "todo".into(), at: 2 });
    assert!(wrong("remove todo -1").contains("-1 is no position"));
}

#[test]
fn the_same_as_json_is_the_same_command() {
    assert_eq!(good(r#"["set","title","Atlas"]"#), set("Atlas"));
    assert_eq!(good(r#"["set","title","3"]"#), set("3"));
    assert_eq!(good(r#"["set","title",3]"#), set(3));
    assert_eq!(good(r#"["append","notes","two words"]"#), good("append notes two words"));
    let request = read(r#"{"id": {"n": 7}, "command": ["set", "title", "Atlas"]}"#).unwrap();
    assert_eq!(request, Request { id: Some(json!({"n": 7})), command: Ok(set("Atlas")) });
    assert_eq!(read(r#"{"id":1,"command":"set title Atlas"}"#).unwrap().command, Ok(set("Atlas")));
    assert_eq!(read(r#"{"id":1,"command":"x"}"#).unwrap().id, Some(json!(1)));
    for line in ["[]", "{}", r#"{"command":3}"#, r#"{"command":"[]"}"#, r#"{"command":""}"#, "[1]", "[", "{x"]
    {
        assert!(!wrong(line).is_empty());
    }
    assert!(wrong(r#"["increment",3]"#).contains("3 is no name"));
}

#[test]
fn empty_lines_and_remarks_are_no_commands() {
    assert_eq!((read(""), read("  \t "), read("# remark")), (None, None, None));
}

#[test]
fn errors_say_what_to_type() {
    assert!(wrong("incr clicks").contains("type increment NAME [BY]"), "{}", wrong("incr clicks"));
    assert!(wrong("exit").contains("type help"));
    assert!(wrong("set title").contains("type set NAME VALUE or set MAP KEY VALUE"));
    assert!(wrong("set title Atlas of seas").contains("\"seas\" is too much"));
    assert!(wrong("get a b").contains("type get [NAME]"));
    assert!(wrong("set title {x").contains("is no JSON"));
    assert!(wrong("set title \"a\"b").contains("a space before b"));
    assert!(wrong("set title [1]").contains("set MAP KEY VALUE"));
    assert!(wrong("help nothing").contains("there is no command \"nothing\""));
}

#[test]
fn every_example_of_the_help_is_a_command() {
    for usage in USAGES.iter().chain([&QUIT]) {
        good(usage.example);
        assert!(usage.example.starts_with(usage.name()), "{}", usage.example);
        assert_eq!(good(&format!("help {}", usage.name())), Command::Help { command: find(usage.name()) });
    }
}
