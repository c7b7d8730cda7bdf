//! Owns the test that defaults in the reference are what the parser takes.

use crate::config::api::{RawTimeouts, RawUpstream};
use crate::config::chain::{RawEntry, RawResponder};
use crate::config::forwarding::RawForwarding;
use crate::config::gateway::{RawAccessLog, RawAdmin, RawRequest, RawTracing};
use crate::config::limits::RawLimits;
use crate::config::listen::RawListen;
use crate::config::otlp::{RawMetrics, RawOtlp};
use crate::config::route::RawRoute;
use crate::config::runtime::RawRuntime;
use crate::config::section::{Need, Section};
use crate::config::store::RawStore;

use super::parse;

/// Required keys, and the place for the defaults of each section.
const GATEWAY: &str = "[runtime]\nRUNTIME\n[admin]\nADMIN\n[access_log]\nACCESS_LOG\n[request]\nREQUEST\n[forwarding]\nFORWARDING\n[tracing]\nTRACING\n[otlp]\nendpoint = 'http://a'\nOTLP\n[otlp.metrics]\nMETRICS\n[listen.a]\naddress = '127.0.0.1:1'\nLISTEN\n\
    [store.a]\nSTORE\n[policy.a]\nsource = 'builtin:cors'\n[policy.a.limits]\nLIMITS\n[[chain]]\npolicy = 'a'\nENTRY\n";
const API: &str = "name = 'a'\nversion = '1'\n[upstream.u]\ntargets = ['http://a']\nUPSTREAM\n[upstream.u.timeouts]\nTIMEOUTS\n\
    [[route]]\nname = 'a'\nmatch.path = '/'\nROUTE\n[route.responder]\npolicy = 'a'\nRESPONDER\n";

#[test]
fn writing_every_default_changes_nothing() {
    let sections: [(&str, &Section); 16] = [
        ("RUNTIME", &RawRuntime::SECTION),
        ("ADMIN", &RawAdmin::SECTION),
        ("ACCESS_LOG", &RawAccessLog::SECTION),
        ("REQUEST", &RawRequest::SECTION),
        ("FORWARDING", &RawForwarding::SECTION),
        ("TRACING", &RawTracing::SECTION),
        ("OTLP", &RawOtlp::SECTION),
        ("METRICS", &RawMetrics::SECTION),
        ("LISTEN", &RawListen::SECTION),
        ("STORE", &RawStore::SECTION),
        ("LIMITS", &RawLimits::SECTION),
        ("ENTRY", &RawEntry::SECTION),
        ("UPSTREAM", &RawUpstream::SECTION),
        ("TIMEOUTS", &RawTimeouts::SECTION),
        ("ROUTE", &RawRoute::SECTION),
        ("RESPONDER", &RawResponder::SECTION),
    ];
    let (mut silent, mut spoken) = ([GATEWAY.to_owned(), API.to_owned()], [GATEWAY.to_owned(), API.to_owned()]);
    let mut count = 0;
    for (mark, section) in sections {
        let lines: Vec<String> = section
            .keys
            .iter()
            .filter_map(|key| match key.need {
                Need::Default(show) => Some(format!("{} = {}", key.name, show())),
                Need::Required | Need::Optional => None,
            })
            .collect();
        count += lines.len();
        let blank = "\n".repeat(lines.len().saturating_sub(1));
        silent = silent.map(|text| text.replace(&format!("{mark}\n"), &format!("{blank}\n")));
        spoken = spoken.map(|text| text.replace(&format!("{mark}\n"), &format!("{}\n", lines.join("\n"))));
    }
    assert!(count > 20, "{count} defaults");
    let read = |texts: &[String; 2]| parse(&[("gateway.toml", &texts[0]), ("a/api.toml", &texts[1])]).unwrap();
    assert_eq!(read(&silent), read(&spoken));
}
