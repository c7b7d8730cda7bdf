//! Heads: fields and queries are rewritten, and it is decided how the body is read.

use crate::carried::Terms;
use crate::config::Config;
use crate::judge::Judge;
use crate::media;
use crate::pairs;
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::scope::Named;
use lockgate_json::rewrite::{Position, Replacement};
use lockgate_json::select::State;
use lockgate_sdk::prelude::*;

/// The hook on requests.
pub(crate) fn request(plan: &Plan, config: &Config, head: &Head<'_>) -> Verdict {
    let scope = plan.scopes.of(head.route().unwrap_or_default());
    let mut message = Message::new(plan, config, head, Direction::Request, scope.request);
    let judged = message.fields(&scope.request_headers).and_then(|()| message.query(&scope.query));
    message.verdict(judged, &scope.unread)
}

/// The hook on responses.
pub(crate) fn response(plan: &Plan, config: &Config, head: &Head<'_>) -> Verdict {
    let scope = plan.scopes.of(head.route().unwrap_or_default());
    let status = head.status().unwrap_or_default();
    let mut message = Message::new(plan, config, head, Direction::Response, *scope.responses.of(status));
    let judged = message.fields(scope.response_headers.of(status));
    message.verdict(judged, scope.response_unread.of(status))
}

/// A head that is judged.
struct Message<'p> {
    plan: &'p Plan,
    head: &'p Head<'p>,
    direction: Direction,
    terms: Terms<'p>,
    judge: Judge<'p>,
    edits: Edits,
}

impl<'p> Message<'p> {
    fn new(plan: &'p Plan, config: &'p Config, head: &'p Head<'p>, direction: Direction, root: State) -> Self {
        let terms = Terms {
            reading: media::reading(&media::essence(head)),
            active: plan.active(head, direction),
            root,
            route: head.route().unwrap_or_default(),
            consumer: Terms::consumer(head.attribute(config.consumer.as_str()).unwrap_or_default()),
        };
        let judge = Judge::new(plan, config.pseudonyms.as_ref(), terms.clone());
        Self { plan, head, direction, terms, judge, edits: Edits::new() }
    }

    /// Judge the fields that are named by a rule or looked at.
    fn fields(&mut self, rules: &Named) -> Result<(), Refusal> {
        let looked_at = self.plan.looked_at(self.direction).filter(|name| !rules.contains_key(*name));
        let all = rules.iter().map(|(name, rules)| (&**name, Some(&**rules)));
        for (name, rules) in all.chain(looked_at.map(|name| (name, None))) {
            self.field(name, rules)?;
        }
        Ok(())
    }

    /// Judge each line of a field by itself; where one changes, all are written again.
    fn field(&mut self, name: &str, rules: Option<&[u16]>) -> Result<(), Refusal> {
        let (mut left, mut is_changed) = (Vec::new(), false);
        for line in self.head.all(name) {
            let text = String::from_utf8_lossy(line);
            match self.judge.named(rules, &text) {
                Replacement::Keep => left.push(line.to_vec()),
                Replacement::Block => return Err(Refusal::Blocked),
                Replacement::Null => is_changed = true,
                Replacement::Text(new) | Replacement::Number(new) => {
                    is_changed = true;
                    left.push(new.into_bytes());
                }
            }
        }
        if is_changed {
            let edits = std::mem::take(&mut self.edits).remove(name);
            self.edits = left.into_iter().fold(edits, |edits, line| edits.append(name, line));
        }
        Ok(())
    }

    fn query(&mut self, rules: &Named) -> Result<(), Refusal> {
        let Some(query) = self.head.query().filter(|_| !rules.is_empty() || self.plan.looks_at_queries()) else {
            return Ok(());
        };
        let query = pairs::query(query, rules, &mut self.judge).map_err(|_| Refusal::Blocked)?;
        if let Some(query) = query {
            let path = self.head.path().ok_or(Refusal::Internal)?;
            let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
            self.edits = std::mem::take(&mut self.edits).target(target);
        }
        Ok(())
    }

    fn verdict(self, judged: Result<(), Refusal>, unread: &[String]) -> Verdict {
        self.judge.report();
        let reads_body = self.plan.reads_body(self.direction);
        let judged =
            judged.map_err(|refusal| self.judge.why(refusal)).and_then(|()| match (self.terms.active, reads_body) {
                (0, _) | (_, false) => Ok(()),
                _ => readable(self.head, unread),
            });
        match judged {
            Err(refusal) => refusal.verdict(self.direction),
            Ok(()) if reads_body => self.edits.state(self.terms.encode(&Position::start(self.terms.root))).into(),
            Ok(()) if self.edits == Edits::new() => Verdict::Pass,
            Ok(()) => self.edits.into(),
        }
    }
}

/// Whether the body can be read. JSON is UTF-8 (RFC 8259 section 8.1), and whoever says otherwise may be read otherwise.
fn readable(head: &Head<'_>, unread: &[String]) -> Result<(), Refusal> {
    let media_type = match (head.get("content-type"), head.text("content-type")) {
        (None, _) => "",
        (Some(_), Some(media_type)) => media_type,
        (Some(_), None) => return Err(Refusal::Unreadable("its media type is no text")),
    };
    let mut charsets = media_type.split(';').skip(1).filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let is_read = |name: &str| ["utf-8", "utf8", "us-ascii"].iter().any(|read| name.eq_ignore_ascii_case(read));
    if !charsets.all(is_read) {
        return Err(Refusal::Unreadable("its charset is not UTF-8"));
    }
    match media::is_unread(unread, &media::essence(head)) {
        true => Err(Refusal::Unreadable("nobody can tell where in its media type something personal is")),
        false => Ok(()),
    }
}
