//! The gate is run as CI runs it.

use std::process::{Command, Output};

use undertow_benches::measure;

fn gate(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_gate");
    Command::new(program)
        .args(args)
        .output()
        .expect("the gate starts")
}

#[test]
fn gate_turns_red_for_planted_work_and_planted_allocation_and_for_nothing_else() {
    if measure::valgrind_version().is_none() {
        println!("SKIPPED: valgrind is not installed, so the gate cannot count");
        return;
    }
    let output = gate(&["self-test", "--only", "decode_one"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("as it must").count(), 3, "{said}");
    assert!(said.contains("RED: +"), "{said}");
    assert!(said.contains("allocations, allowed are 0"), "{said}");
}

#[test]
fn missing_valgrind_is_not_run_and_not_green() {
    let program = env!("CARGO_BIN_EXE_gate");
    let without = |args: &[&str]| {
        let output = Command::new(program).args(args).env("PATH", "").output();
        let output = output.expect("the gate starts");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, said) = without(&[]);
    assert_eq!(code, Some(5));
    assert!(said.contains("NOT RUN"), "{said}");
    let (code, said) = without(&["--allow-missing"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("NOT RUN"), "{said}");
}
