//! The second policy of the README, word for word, so that its tests are run.

use lockgate_sdk::prelude::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Guard {
    closed: Vec<String>,
}

impl Policy for Guard {
    fn interest(&self) -> Interest {
        Interest::new().request_read(":path").response_write("x-guarded").may_respond()
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let wrong = self.closed.iter().enumerate().filter(|(_, path)| !path.starts_with('/'));
        let fault = |at: usize| ConfigError::new(format!("closed[{at}]"), "must begin with `/`");
        let faults: Vec<_> = wrong.map(|(at, _)| fault(at)).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for Guard {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let Some(path) = head.path() else { return Failure::Internal.into() };
        if self.closed.iter().any(|closed| path.starts_with(closed)) {
            log::info("a closed path was asked for");
            return Response::problem(403, "Forbidden", "This path is closed.").into();
        }
        Verdict::Pass
    }
}

impl ResponsePhase for Guard {
    fn on_response(&self, _head: &Head<'_>, _state: &[u8]) -> Verdict {
        Edits::new().set("x-guarded", "yes").into()
    }
}

lockgate_sdk::export!(Guard: RequestPhase + ResponsePhase);

#[test]
fn a_closed_path_is_refused() {
    use lockgate_sdk::testing::{self, Facts};

    let guard: Guard = testing::configure(r#"{"closed":["/admin"]}"#).unwrap();
    let asked = |path| guard.on_request(&Facts::request().path(path).build().head());
    assert_eq!(asked("/pets"), Verdict::Pass);
    assert_eq!(asked("/admin/users").response().unwrap().status_code(), 403);
    assert_eq!(testing::log::lines().len(), 1);
}

#[test]
fn a_path_that_is_none_is_a_fault_of_the_configuration() {
    let faults = lockgate_sdk::testing::configure::<Guard>(r#"{"closed":["admin"]}"#).unwrap_err();
    assert_eq!(faults, [ConfigError::new("closed[0]", "must begin with `/`")]);
}
