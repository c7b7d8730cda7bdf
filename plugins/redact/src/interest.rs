//! What a plan needs to read, write and reach.

use crate::config::{Config, Other};
use crate::media::{FORM, JSON, TEXT};
use crate::plan::Plan;
use crate::scope::Named;
use lockgate_sdk::{BodyInterest, Direction, Interest};

impl Plan {
    pub(crate) fn interest(&self, config: &Config) -> Interest {
        let mut interest = Interest::new().may_respond().attribute_read(config.consumer.as_str());
        for name in self.rules.iter().flat_map(|rule| rule.unless.names()) {
            interest = interest.attribute_read(name);
        }
        if let Some(pseudonyms) = &config.pseudonyms {
            interest = interest.sign(pseudonyms.key.as_str());
        }
        interest = self.request_interest(interest, config);
        self.response_interest(interest, config)
    }

    fn request_interest(&self, mut interest: Interest, config: &Config) -> Interest {
        let headers = names(self.scopes.iter().map(|scope| &scope.request_headers));
        for name in headers.chain(self.looked_at(Direction::Request)) {
            interest = interest.request_read(name).request_write(name);
        }
        if self.looks_at_queries() || self.scopes.iter().any(|scope| !scope.query.is_empty()) {
            interest = interest.request_read(":query").request_read(":path").may_set_target();
        }
        if !self.reads_body(Direction::Request) {
            return interest.request_read(":route");
        }
        let body = self.body(Direction::Request, config);
        interest.request_read(":route").request_read("content-type").request_body(body)
    }

    fn response_interest(&self, mut interest: Interest, config: &Config) -> Interest {
        let headers = names(self.scopes.iter().flat_map(|scope| scope.response_headers.iter()));
        for name in headers.chain(self.looked_at(Direction::Response)) {
            interest = interest.response_read(name).response_write(name);
        }
        interest = interest.response_read(":route").response_read(":status");
        if !self.reads_body(Direction::Response) {
            return interest;
        }
        interest.response_read("content-type").response_body(self.body(Direction::Response, config))
    }

    fn body(&self, direction: Direction, config: &Config) -> BodyInterest {
        let detects = self.detects(direction);
        let reads_forms =
            direction == Direction::Request && (detects || self.scopes.iter().any(|scope| !scope.form.is_empty()));
        let types =
            JSON.iter().map(|(range, _)| *range).chain(reads_forms.then_some(FORM)).chain(detects.then_some(TEXT));
        let body = BodyInterest::chunked(0, types).edit();
        match config.other {
            Other::Refuse => body,
            Other::Pass => body.pass_other(),
        }
    }
}

fn names<'n>(all: impl Iterator<Item = &'n Named>) -> impl Iterator<Item = &'n str> {
    all.flat_map(|named| named.keys().map(String::as_str))
}
