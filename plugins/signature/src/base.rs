//! The signature base (RFC 9421 section 2.5): the text that is signed.

use crate::component::{CONTENT_DIGEST, Component};
use crate::message::{Message, NotAvailable};
use std::fmt::Write;

/// What the last line begins with.
const PARAMETERS: &str = "\"@signature-params\": ";

/// A signature base in the making: a line for each component, in the order of the signature.
#[derive(Default)]
pub(crate) struct Base(String);

impl Base {
    /// The line of a component, called as the signature calls it; nothing where it is not there.
    pub(crate) fn push(
        &mut self,
        identifier: &str,
        component: &Component,
        message: &Message<'_>,
    ) -> Result<(), NotAvailable> {
        let end = self.0.len();
        self.begin(identifier);
        let written = message.write(component, &mut self.0);
        match written {
            Ok(()) => self.0.push('\n'),
            Err(NotAvailable) => self.0.truncate(end),
        }
        written
    }

    /// The line of a digest that the message is given with the signature.
    pub(crate) fn push_digest(&mut self, digest: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "\"{CONTENT_DIGEST}\": {digest}");
    }

    /// More lines that were made before.
    pub(crate) fn append(&mut self, lines: &str) {
        self.0.push_str(lines);
    }

    /// The lines so far.
    pub(crate) fn lines(self) -> String {
        self.0
    }

    /// The whole, with what the signature says of itself.
    pub(crate) fn finish(self, parameters: &str) -> String {
        let mut text = self.0;
        text.push_str(PARAMETERS);
        text.push_str(parameters);
        text
    }

    fn begin(&mut self, identifier: &str) {
        self.0.push_str(identifier);
        self.0.push_str(": ");
    }
}

impl From<String> for Base {
    /// Going on after lines that were made before.
    fn from(lines: String) -> Self {
        Self(lines)
    }
}
