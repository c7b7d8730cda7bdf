//! Alerts: who is to know hears once that it fires and once that it is over, whatever becomes of receivers and of gateway.toml.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};

use lockgate_tests::{Folder, Gateway, Request, Upstream, eventually};
use serde_json::Value;

/// An API whose upstream answers on one route and is not there on the other.
const API: &str = r#"
name = "pets"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[upstream.gone]
targets = ["http://127.0.0.1:1"]
[[route]]
name = "getPet"
match = { path = "/pets/{id}" }
upstream = "main"
[[route]]
name = "gone"
match = { path = "/gone" }
upstream = "gone"
"#;

const PAGER: &str = r#"
[analytics]
[egress.pager]
url = "http://$pager/base"
paths = ["/hook"]
methods = ["POST"]
private_ips = true
timeout = "5s"
bearer = "secret:pager"
[secret.pager]
file = "password"
"#;

const ORDERS: &str = r#"
[alert.orders]
when = "error-rate > 50%"
over = "1m"
keep_firing_for = "0ms"
where = ["api=pets"]
notify = ["egress:pager"]
"#;

/// Who is told: keeps what came, and answers each time with the next of these, the last again and again.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Value>>>);

impl Heard {
    fn receiver(&self, address: Option<SocketAddr>, answers: &'static [(u16, &'static str)]) -> Upstream {
        let heard = self.clone();
        let handle = move |exchange: &mut lockgate_tests::Exchange| -> io::Result<()> {
            let mut notice: Value = serde_json::from_slice(&exchange.body()?).unwrap();
            notice["asked"] = format!("{} {}", exchange.method, exchange.target).into();
            notice["authorization"] = exchange.field("authorization").unwrap_or_default().into();
            let mut all = heard.0.lock().unwrap();
            let (status, retry_after) = answers[all.len().min(answers.len() - 1)];
            all.push(notice);
            drop(all);
            let fields = [("retry-after", retry_after)];
            exchange.reply(status, if retry_after.is_empty() { &[] } else { &fields }, b"")
        };
        Upstream::at(address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))), handle)
    }

    fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }

    /// What came, once so many did.
    fn wait(&self, count: usize) -> Vec<Value> {
        eventually("a notification", || Some(self.all()).filter(|all| all.len() >= count))
    }

    fn states(&self) -> Vec<String> {
        self.all().iter().map(|notice| notice["state"].as_str().unwrap().to_owned()).collect()
    }
}

fn folder(upstream: &Upstream, pager: SocketAddr, alerts: &str) -> Folder {
    let folder = Gateway::folder().upstream(upstream).word("pager", pager);
    std::fs::write(folder.root().join("password"), "the-pager-s-own-password").unwrap();
    folder.gateway_toml(&format!("{PAGER}{alerts}")).api("pets", API)
}

fn ask(gateway: &Gateway, times: usize, target: &str) {
    let mut client = gateway.connect();
    (0..times).for_each(|_| drop(client.send(&Request::get(target))));
}

/// An alert of `/alerts`.
fn alert(gateway: &Gateway, name: &str) -> Value {
    let all = gateway.ask("/alerts").json();
    let found = all["alerts"].as_array().unwrap().iter().find(|alert| alert["name"] == name);
    found.unwrap_or(&Value::Null).clone()
}

/// Wait until an alert has seen so many requests, and is in this state.
fn wait_for(gateway: &Gateway, name: &str, requests: u64, state: &str) {
    eventually("an alert to have seen the requests", || {
        let alert = alert(gateway, name);
        (alert["requests"].as_u64() == Some(requests) && alert["state"] == state).then_some(())
    });
}

fn told(gateway: &Gateway, outcome: &str) -> f64 {
    let sample = format!("lockgate_alert_notifications_total{{alert=\"orders\",outcome=\"{outcome}\"}}");
    gateway.metric(&sample).unwrap_or_default()
}

/// Replace gateway.toml by one with these alerts, which has to serve.
fn change(gateway: &Gateway, alerts: &str) {
    let text = std::fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    let (before, rest) = text.split_once("[alert.").unwrap();
    let ports = &rest[rest.find("[listen.public]").unwrap()..];
    gateway.replace("gateway.toml", format!("{before}{alerts}{ports}").as_bytes());
    let said = gateway.look();
    assert_eq!(said["faults"], serde_json::json!([]), "{said}");
}

#[test]
fn that_it_fires_and_that_it_is_over_are_told_once_each_also_where_the_receiver_is_busy_at_first() {
    let (upstream, heard) = (Upstream::echo(), Heard::default());
    let pager = heard.receiver(None, &[(503, ""), (200, "")]);
    let mut gateway = folder(&upstream, pager.address(), ORDERS).start();
    ask(&gateway, 19, "/gone");
    wait_for(&gateway, "orders", 19, "ok");
    ask(&gateway, 1, "/gone");
    let notices = heard.wait(2);
    assert_eq!(notices[0], notices[1], "the same is told again");
    let notice = &notices[0];
    assert_eq!(
        (&notice["name"], &notice["state"], &notice["value"]),
        (&"orders".into(), &"firing".into(), &1.0.into())
    );
    assert_eq!((&notice["asked"], &notice["requests"]), (&"POST /base/hook".into(), &20.into()));
    assert_eq!(notice["authorization"], "Bearer the-pager-s-own-password");
    let text = notice["text"].as_str().unwrap();
    assert!(text.starts_with("orders fires: error-rate is 100% over the last 1m where api=pets"), "{text}");
    eventually("that it was delivered", || (told(&gateway, "delivered") == 1.0).then_some(()));
    assert_eq!(gateway.metric("lockgate_alerts_firing{alert=\"orders\"}"), Some(1.0));
    gateway
        .verb(&["alerts"])
        .assert(0, &["orders", "firing", "error-rate > 50%", "egress:pager/hook firing delivered"]);

    ask(&gateway, 60, "/pets/1");
    let resolved = heard.wait(3).pop().unwrap();
    assert_eq!((&resolved["state"], &resolved["since"]), (&"resolved".into(), &notice["since"]));
    eventually("that this was, too", || (told(&gateway, "delivered") == 2.0).then_some(()));
    assert_eq!((told(&gateway, "failed"), told(&gateway, "refused")), (1.0, 0.0));
    assert_eq!(gateway.metric("lockgate_alerts_firing{alert=\"orders\"}"), Some(0.0));
    assert_eq!(heard.all().len(), 3);
    assert!(!gateway.all_written().contains("the-pager-s-own-password"));
}

#[test]
fn a_receiver_that_is_down_hears_when_it_is_up_again() {
    let (upstream, heard) = (Upstream::echo(), Heard::default());
    let pager = heard.receiver(None, &[(200, "")]);
    let address = pager.address();
    pager.kill();
    let gateway = folder(&upstream, address, ORDERS).start();
    ask(&gateway, 20, "/gone");
    eventually("that nobody is there", || (told(&gateway, "failed") >= 1.0).then_some(()));
    gateway.verb(&["alerts"]).assert(0, &["firing failed"]);
    let _pager = heard.receiver(Some(address), &[(200, "")]);
    assert_eq!(heard.wait(1)[0]["state"], "firing");
}

#[test]
fn who_never_heard_that_it_fires_is_not_told_that_it_is_over() {
    let (upstream, heard) = (Upstream::echo(), Heard::default());
    let pager = heard.receiver(None, &[(200, "")]);
    let address = pager.address();
    pager.kill();
    let gateway = folder(&upstream, address, ORDERS).start();
    ask(&gateway, 20, "/gone");
    eventually("that nobody is there", || (told(&gateway, "failed") >= 1.0).then_some(()));
    ask(&gateway, 60, "/pets/1");
    eventually("that there is nothing to tell", || (told(&gateway, "superseded") == 1.0).then_some(()));
    let _pager = heard.receiver(Some(address), &[(200, "")]);
    ask(&gateway, 200, "/gone");
    let notices = heard.wait(1);
    assert_eq!(heard.states(), ["firing"]);
    assert!(notices[0]["requests"].as_u64() > Some(80), "{notices:?}");
}

#[test]
fn what_a_receiver_refuses_is_given_up_and_the_log_says_so() {
    let (upstream, heard) = (Upstream::echo(), Heard::default());
    let pager = heard.receiver(None, &[(404, "")]);
    let gateway = folder(&upstream, pager.address(), ORDERS).start();
    ask(&gateway, 20, "/gone");
    let reason = gateway.wait_for_log("that it is not told", |line| {
        (line["message"] == "a receiver of an alert is not told").then(|| line["reason"].clone())
    });
    assert_eq!(reason, "it answered with status 404");
    ask(&gateway, 60, "/pets/1");
    wait_for(&gateway, "orders", 80, "ok");
    assert_eq!((told(&gateway, "refused"), heard.all().len()), (1.0, 1));
}

#[test]
fn a_reload_changes_an_alert_and_leaves_the_others_as_they_are() {
    let (upstream, heard) = (Upstream::echo(), Heard::default());
    let pager = heard.receiver(None, &[(200, "")]);
    let other = "[alert.other]\nwhen = \"error-rate > 90%\"\nover = \"1h\"\n";
    let gateway = folder(&upstream, pager.address(), &format!("{ORDERS}{other}")).start();
    ask(&gateway, 30, "/pets/1");
    ask(&gateway, 10, "/gone");
    wait_for(&gateway, "orders", 40, "ok");
    wait_for(&gateway, "other", 40, "ok");

    change(&gateway, &format!("{}{other}", ORDERS.replace("50%", "20%")));
    wait_for(&gateway, "orders", 0, "ok");
    assert_eq!(alert(&gateway, "other")["requests"], 40);
    ask(&gateway, 15, "/pets/1");
    ask(&gateway, 5, "/gone");
    let notice = heard.wait(1).pop().unwrap();
    assert_eq!((&notice["value"], &notice["threshold"]), (&0.25.into(), &0.2.into()));
    wait_for(&gateway, "other", 60, "ok");

    // What fires and is gone does not leave anybody waiting for its end.
    change(&gateway, other);
    let over = heard.wait(2).pop().unwrap();
    assert_eq!((&over["state"], &over["since"]), (&"resolved".into(), &notice["since"]));
    assert!(over["text"].as_str().unwrap().contains("changed or removed"), "{over}");
    assert_eq!(alert(&gateway, "orders"), Value::Null);
    assert_eq!(gateway.metric("lockgate_alerts_firing{alert=\"orders\"}"), None);
}

#[test]
fn what_takes_the_place_of_an_alert_is_told_after_the_end_of_that() {
    let (upstream, heard) = (Upstream::echo(), Heard::default());
    let pager = heard.receiver(None, &[(200, ""), (503, "2"), (200, "")]);
    let gateway = folder(&upstream, pager.address(), ORDERS).start();
    ask(&gateway, 20, "/gone");
    heard.wait(1);
    change(&gateway, &ORDERS.replace("50%", "20%"));
    heard.wait(2);
    // The new one fires while the end of the old one could not be told yet.
    ask(&gateway, 20, "/gone");
    wait_for(&gateway, "orders", 20, "firing");
    let notices = heard.wait(4);
    assert_eq!(heard.states(), ["firing", "resolved", "resolved", "firing"]);
    assert_eq!(notices[0]["since"], notices[2]["since"]);
    assert_eq!(notices[3]["threshold"], 0.2);
}

/// A receiver that answers with 404 once it is to, and that says when it is asked.
fn slow_receiver() -> (Upstream, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((asked, is_asked), (answer, answers)) = (mpsc::channel(), mpsc::channel());
    let answers = Mutex::new(answers);
    let receiver = Upstream::with(move |exchange| {
        exchange.body()?;
        asked.send(()).unwrap();
        let _ = answers.lock().unwrap().recv();
        exchange.reply(404, &[], b"")
    });
    (receiver, is_asked, answer)
}

#[test]
fn a_process_that_ends_waits_for_a_receiver_but_not_for_long() {
    let upstream = Upstream::echo();
    for (answers, said) in
        [(true, "a receiver of an alert is not told"), (false, "receivers of alerts could not be told in time")]
    {
        let (pager, is_asked, answer) = slow_receiver();
        let mut gateway = folder(&upstream, pager.address(), ORDERS).start();
        ask(&gateway, 20, "/gone");
        is_asked.recv().unwrap();
        gateway.terminate();
        gateway.wait_for_log("that it ends", |line| {
            line["message"].as_str().is_some_and(|it| it.starts_with("ending: no new connections")).then_some(())
        });
        if answers {
            answer.send(()).unwrap();
        }
        assert!(gateway.wait_for_end().success());
        assert!(gateway.written().contains(said), "{said}");
    }
}

#[test]
fn all_that_is_wrong_with_alerts_is_said_at_once_with_advice() {
    let pager = SocketAddr::from(([127, 0, 0, 1], 9));
    let upstream = Upstream::echo();
    let wrong =
        "[alert.a]\nwhen = \"eror-rate > 5%\"\nwhere = [\"colour=red\"]\nnotify = [\"egress:pagr\"]\nevery = 1\n";
    let said =
        ["did you mean `error-rate`?", "nothing is counted by \"colour\"", "did you mean `pager`?", "alert.a.every"];
    folder(&upstream, pager, wrong).run(&["check"]).assert(1, &said);
    let without = Gateway::folder().proxy(&upstream).gateway_toml("[alert.a]\nwhen = \"p99 > 1s\"\n");
    without.run(&["check"]).assert(1, &["add the table [analytics]"]);
}

#[test]
fn words_of_an_alert_are_values_and_nothing_else() {
    let (upstream, heard) = (Upstream::echo(), Heard::default());
    let pager = heard.receiver(None, &[(200, "")]);
    let alerts = format!("{}{ORDERS}", ORDERS.replace("orders", "strange").replace("api=pets", "api=x' OR 1=1 --"));
    let gateway = folder(&upstream, pager.address(), &alerts).start();
    ask(&gateway, 20, "/gone");
    heard.wait(1);
    let strange = alert(&gateway, "strange");
    assert_eq!((&strange["requests"], &strange["state"]), (&0.into(), &"ok".into()));
}
