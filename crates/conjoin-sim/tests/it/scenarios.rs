//! The scenarios, a few seeds of each; `cargo xtask sim` runs more.

use std::collections::BTreeSet;
use std::path::Path;

use conjoin_sim::Scenario;
use conjoin_sim::run::Plan;

fn all() -> Vec<Scenario> {
    Scenario::all(&Scenario::folder()).expect("all scenarios can be read")
}

#[test]
fn every_scenario_ends_well() {
    let scenarios = all();
    let count = 10 * scenarios.len() as u64;
    let report = Plan { scenarios, first: 1_000_000, count, peers: None }.run(|_| {});
    assert_eq!(report.failures, []);
    assert!(report.sums.values().all(|sum| sum.runs == 10));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for scenario in all() {
        let traces: BTreeSet<_> =
            [1, 1, 2].map(|seed| scenario.play(seed, None, false).expect("well").trace).into();
        assert_eq!(traces.len(), 2, "{}", scenario.name);
    }
}

/// Whenever the protocol or the simulator changes, so does this: take what the failure says then. What it
/// guards against is that a machine has a trace of its own.
#[test]
fn the_trace_of_a_seed_is_the_same_on_any_machine() {
    let scenario = Scenario::read(&Scenario::folder().join("very-bad-day.scenario")).expect("it is there");
    let trace = scenario.play(7, None, false).expect("well").trace;
    assert_eq!(format!("{trace:016x}"), "4e2d5b3ba2ef176a");
}

#[test]
fn what_goes_wrong_is_told_with_its_seed() {
    let text = "# Nobody can meet.\npeers 2\nserver stop\njoin within 1s\nedit 5 within 1s\nsettle";
    let scenario = Scenario::parse(Path::new("alone.scenario"), text).expect("it is one");
    let report = Plan { scenarios: vec![scenario], first: 5, count: 2, peers: None }.run(|_| {});
    let told: Vec<_> = report.failures.iter().map(|it| (it.scenario.as_str(), it.seed)).collect();
    assert_eq!(told, [("alone", 5), ("alone", 6)]);
    assert!(report.failures.iter().all(|it| it.why.contains("lacks")), "{:?}", report.failures);
}

#[test]
fn every_scenario_says_what_it_is_about() {
    for scenario in all() {
        assert!(scenario.about.ends_with('.'), "{} begins with a comment that is a sentence", scenario.name);
    }
}
