//! A policy in Python, from an empty folder to a first response.

use std::fs;
use std::process::Command;

use lockgate_tests::{Folder, Gateway, Request, Upstream, foreign};

/// A new project, and componentize-py at hand.
fn project(name: &str) -> Folder {
    let environment = foreign::environment();
    let folder = Gateway::folder().variable("VIRTUAL_ENV", environment.to_str().unwrap());
    folder.run(&["policy", "new", name, "--lang", "python"]).assert(0, &[name, "unittest", "componentize-py"]);
    folder
}

#[test]
fn a_new_policy_in_python_is_tested_built_inspected_and_serves() {
    let upstream = Upstream::echo();
    let folder = project("py-greet");
    let tests = Command::new("python3").args(["-m", "unittest"]).current_dir(folder.root().join("py-greet")).output();
    let tests = tests.unwrap();
    let said = String::from_utf8_lossy(&tests.stderr);
    assert!(tests.status.success() && said.contains("Ran 2 tests"), "{said}");

    folder.run(&["policy", "test", "py-greet"]).assert(0, &["A response is greeted"]);
    let build = ["policy", "build", "py-greet", "--output", "policies/py-greet.wasm", "--json"];
    let built = super::json(&folder, &build, 0);
    assert_eq!(built["hooks"], serde_json::json!(["response-phase"]));

    let config = "py-greet/py-greet.json";
    let inspected =
        super::json(&folder, &["policy", "inspect", "policies/py-greet.wasm", "--config", config, "--json"], 0);
    assert_eq!(inspected["grant"], serde_json::json!(["write:x-greeting"]));
    let imports = inspected["imports"].as_array().unwrap();
    assert!(imports.iter().all(|import| import["origin"] == "contract"), "{imports:?}");

    assert!(inspected["image"]["bytes"].as_u64() > Some(10_000_000), "{inspected}");

    let policy = inspected["policy"].as_str().unwrap();
    let limits = "isolation = \"pooled\"\nlimits = { memory = \"48MiB\", cpu = \"1s\", wall = \"1m\" }\n";
    let chain = "chain = [{ policy = \"py-greet\", config = { greeting = \"ahoy\" } }]\n";
    let gateway = folder.gateway_toml(&format!("{chain}{policy}{limits}")).proxy(&upstream).start();
    for _ in 0..3 {
        assert_eq!(gateway.get("/").values("x-greeting"), ["ahoy"]);
    }

    // The author's own words, where the configuration is wrong.
    let text = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &text.replace("greeting = \"ahoy\"", "greting = \"ahoy\""));
    let faults = gateway.wait_for_refusal()["faults"].to_string();
    assert!(faults.contains("greting: there is no such setting"), "{faults}");
    assert!(faults.contains("greeting: must be a text"), "{faults}");
    assert_eq!(gateway.get("/").values("x-greeting"), ["ahoy"]);
}

/// All hooks, and what Python prints.
const POLICY: &str = r#"
import lockgate
from lockgate import BodyInterest, Edits, Failure, Interest, Response

class Policy:
    def __init__(self, config):
        self.config = config

    def interest(self):
        body = BodyInterest(max_bytes=10000, content_types=["*/*"], edit=True)
        return Interest(request_read=["x-test-break"], request_write=["x-test-seen"], may_respond=True, request_body=body)

    def on_request(self, head):
        asked = head.text("x-test-break")
        if asked == "answer":
            return Response(418, [("x-test-by", "python")], "short and stout")
        if asked == "fail":
            return Failure.BAD_INPUT
        if asked == "raise":
            raise ValueError("no such town")
        if asked == "time":
            print(f"it is {lockgate.unix_ms()}")
            return Edits().set("x-test-seen", str(lockgate.random_bytes(8) != lockgate.random_bytes(8)))
        if asked == "open":
            return Edits().set("x-test-seen", open("/etc/passwd").read())
        return None

    def on_body(self, direction, body, state):
        return body.upper(), Edits().set("x-test-seen", direction)
"#;

#[test]
fn hooks_in_python_decide_print_and_fail_like_any_other() {
    let upstream = Upstream::echo();
    let folder = project("all");
    fs::write(folder.root().join("all/policy.py"), POLICY).unwrap();
    let world = folder.root().join("all/wit/world.wit");
    let text = fs::read_to_string(&world).unwrap();
    let hooks = "request-phase@0.1.0;\n    export lockgate:policy/body-phase@0.1.0;";
    fs::write(&world, text.replace("response-phase@0.1.0;", hooks)).unwrap();
    folder.run(&["policy", "build", "all", "--output", "policies/all.wasm"]).assert(0, &["request-phase, body-phase"]);
    let gateway = folder
        .gateway_toml(
            "chain = [\"all\"]\n[policy.all]\nsource = \"file:all.wasm\"\nisolation = \"pooled\"\n\
             limits = { memory = \"48MiB\", cpu = \"1s\", wall = \"1m\" }\n\
             grant = [\"read:x-test-break\", \"write:x-test-seen\", \"respond\", \"body:request:edit\"]\n",
        )
        .proxy(&upstream)
        .start();
    let ask = |what: &str| gateway.send(&Request::get("/").field("x-test-break", what));
    let answer = ask("answer");
    answer.assert_status(418);
    assert_eq!((answer.field("x-test-by"), answer.text()), (Some("python"), "short and stout".into()));
    ask("fail").assert_problem(400);
    assert_eq!(ask("time").echoed("x-test-seen"), ["True"]);
    gateway.wait_for_log("what was printed", |line| line["message"].as_str()?.starts_with("it is 1").then_some(()));
    ask("raise").assert_problem(503);
    let said = "ValueError: no such town (on_request, line ";
    gateway.wait_for_log(said, |line| line["message"].as_str()?.starts_with(said).then_some(()));
    ask("open").assert_problem(503);
    let posted = gateway.send(&Request::post("/", "text/plain", "quietly"));
    assert_eq!(posted.echoed("x-test-seen"), ["request"]);
    assert_eq!(posted.json()["body"], "QUIETLY");
}

#[test]
fn a_hook_in_python_that_is_exported_and_not_written_is_told_of_and_refused() {
    let folder = project("half");
    let world = folder.root().join("half/wit/world.wit");
    let text = fs::read_to_string(&world).unwrap();
    let hooks = "response-phase@0.1.0;\n    export lockgate:policy/body-phase@0.1.0;";
    fs::write(&world, text.replace("response-phase@0.1.0;", hooks)).unwrap();
    let said = "`on_body` or `on_chunk` is not written: write it in policy.py, or take `export lockgate:policy/body-phase@0.1.0;`";
    folder.run(&["policy", "test", "half"]).assert(1, &[said]);
}

#[test]
fn without_componentize_py_or_with_a_fault_in_python_building_says_what_to_do() {
    let folder = Gateway::folder().variable("PATH", "").variable("VIRTUAL_ENV", "/nonexistent");
    folder.run(&["policy", "new", "mine", "--lang", "python"]).assert(0, &["mine"]);
    folder.run(&["policy", "build", "mine"]).assert(1, &["pip install componentize-py", ".venv"]);
    fs::write(folder.root().join("mine/pyproject.toml"), "[project]\nname = \"../mine\"\n").unwrap();
    folder.run(&["policy", "build", "mine"]).assert(1, &["pyproject.toml", "../mine", "letters"]);

    let folder = project("mine");
    fs::write(folder.root().join("mine/policy.py"), "class Policy(:\n").unwrap();
    folder.run(&["policy", "build", "mine"]).assert(1, &["componentize-py failed", "unittest"]);
    assert!(!folder.root().join("mine/mine.wasm").exists());
}
