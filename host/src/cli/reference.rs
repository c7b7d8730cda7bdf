//! `lockgate reference`: every configuration key there is, or the contract of policies, as Markdown.

use std::process::ExitCode;

use super::out;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The contract between gateway and policies in place of the configuration: every interface, type and function
    #[arg(long)]
    contract: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text = if args.contract { crate::contract::reference()? } else { crate::config::reference() };
    out::text(&text);
    Ok(ExitCode::SUCCESS)
}
