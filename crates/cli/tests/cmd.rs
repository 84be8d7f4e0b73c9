//! Every command as a user types it, with what it prints and its exit code: see `cmd/`.

#[test]
fn commands_do_what_the_cases_say() {
    trycmd::TestCases::new()
        .case("tests/cmd/*.trycmd")
        .env("NO_COLOR", "1");
}
