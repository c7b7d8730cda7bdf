//! What a plan needs to read, write and reach.

use crate::config::{Config, Other};
use crate::media::{FORM, JSON, TEXT};
use crate::plan::Plan;
use crate::scope::Named;
use lockgate_sdk::{BodyInterest, Direction, Interest};

/// What is taken at once where values are digested, each of which takes a microsecond.
const PIECE_TO_DIGEST: u32 = 8 * 1024;

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
        let headers: Vec<&str> = headers.chain(self.looked_at(Direction::Request)).collect();
        let reads_query = self.looks_at_queries() || self.scopes.iter().any(|scope| !scope.query.is_empty());
        let reads_body = self.reads_body(Direction::Request);
        if headers.is_empty() && !reads_query && !reads_body {
            return interest.idle_on_request();
        }
        interest = interest.request_read(":route");
        for name in headers {
            interest = interest.request_read(name).request_write(name);
        }
        if reads_query {
            interest = interest.request_read(":query").request_read(":path").may_set_target();
        }
        if !reads_body {
            return interest;
        }
        interest.request_read("content-type").request_body(self.body(Direction::Request, config))
    }

    fn response_interest(&self, mut interest: Interest, config: &Config) -> Interest {
        let headers = names(self.scopes.iter().flat_map(|scope| scope.response_headers.iter()));
        let headers: Vec<&str> = headers.chain(self.looked_at(Direction::Response)).collect();
        let reads_body = self.reads_body(Direction::Response);
        if headers.is_empty() && !reads_body {
            return interest.idle_on_response();
        }
        interest = interest.response_read(":route").response_read(":status");
        for name in headers {
            interest = interest.response_read(name).response_write(name);
        }
        if !reads_body {
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
        let mut body = BodyInterest::chunked(0, types).edit();
        if self.digests(direction) {
            body = body.max_piece(PIECE_TO_DIGEST);
        }
        match config.other {
            Other::Refuse => body,
            Other::Pass => body.pass_other(),
        }
    }
}

fn names<'n>(all: impl Iterator<Item = &'n Named>) -> impl Iterator<Item = &'n str> {
    all.flat_map(|named| named.keys().map(String::as_str))
}
