//! The functions of filters and their types (RFC 9535 sections 2.4.4 to 2.4.8).

use super::PathError;
use super::filter::{self, Operand};
use super::query::Parser;

/// What a function gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Value,
    Logical,
}

/// What a function takes.
#[derive(Clone, Copy)]
enum Parameter {
    Value,
    Nodes,
}

fn signature(name: &str) -> Option<(&'static [Parameter], Type)> {
    match name {
        "length" => Some((&[Parameter::Value], Type::Value)),
        "count" | "value" => Some((&[Parameter::Nodes], Type::Value)),
        "match" | "search" => Some((&[Parameter::Value, Parameter::Value], Type::Logical)),
        _ => None,
    }
}

/// What the function `name` gives, whose arguments are next; its name began `at`.
pub(super) fn call(parser: &mut Parser<'_>, name: &str, at: usize) -> Result<Type, PathError> {
    let Some((parameters, result)) = signature(name) else {
        let reason = "no such function; there are length, count, value, match and search";
        return Err(PathError::Invalid { at, reason });
    };
    for (index, parameter) in parameters.iter().enumerate() {
        if index > 0 {
            parser.cursor.expect(",", "the function takes one argument more")?;
        }
        parser.cursor.skip_blanks();
        let at = parser.cursor.at();
        let argument = filter::operand(parser)?;
        if !parameter.takes(argument) {
            return Err(PathError::Invalid { at, reason: parameter.wanted() });
        }
        parser.cursor.skip_blanks();
    }
    parser.cursor.expect(")", "the arguments of the function end here")?;
    Ok(result)
}

impl Parameter {
    fn takes(self, argument: Operand) -> bool {
        match self {
            Self::Value => argument.is_value(),
            Self::Nodes => argument.is_nodes(),
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Value => "the function takes a value here: a literal, or a query for no more than one",
            Self::Nodes => "the function takes a query here",
        }
    }
}
