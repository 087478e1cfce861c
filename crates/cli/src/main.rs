//! The `watertight` binary: wiring only.
//!
//! It reads an estate from disk, hands it to the engines and prints what they say. Data goes to
//! standard output, everything else to standard error. `docs/reference/exit-codes.md` says how it
//! ends.

mod apply;
mod args;
mod assess;
mod beside;
mod can;
mod chains;
mod clock;
mod collect;
mod diagnostics;
mod drift;
mod enforcing;
mod estate_folder;
mod exit;
mod explain;
mod gate;
mod gc;
mod inventory;
mod jewels;
mod live;
mod manifests;
mod output;
mod plan;
mod policy;
mod quarantine;
mod questions;
mod reconcile;
mod reference;
mod segment;
mod simulate;
mod staged;
mod suggest;
mod table;
mod text;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

use args::{Arguments, Command};
use exit::{Failure, Outcome};

/// An estate is millions of small things, made by two threads at once.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    match run(arguments) {
        Ok(outcome) => outcome.into(),
        Err(failure) => exit::report(&failure),
    }
}

fn run(arguments: Arguments) -> Result<Outcome, Failure> {
    match arguments.command {
        Command::Can(arguments) => can::run(&arguments),
        Command::Inventory(arguments) => inventory::run(&arguments),
        Command::Reach(arguments) => questions::reach(&arguments),
        Command::Exposure(arguments) => questions::exposure(&arguments),
        Command::Blast(arguments) => questions::blast(&arguments),
        Command::Diff(arguments) => questions::diff(&arguments),
        Command::Coverage(arguments) => questions::coverage(&arguments),
        Command::Assess(arguments) => assess::run(&arguments),
        Command::Collect(command) => collect::run(command),
        Command::Policy(command) => policy::run(&command),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Show(arguments) => plan::show(&arguments),
        Command::Apply(arguments) => apply::run(&arguments),
        Command::Confirm(arguments) => apply::confirm(&arguments),
        Command::Rollback(arguments) => apply::roll_back(&arguments),
        Command::Drift(arguments) => drift::run(&arguments),
        Command::Reconcile(arguments) => reconcile::run(&arguments),
        Command::Segment(command) => segment::run(&command),
        Command::Gc(arguments) => gc::run(&arguments),
        Command::Quarantine(arguments) => quarantine::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Suggest(arguments) => suggest::run(&arguments),
        Command::Gate(arguments) => gate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Completions(arguments) => reference::completions(&arguments),
        Command::Man(arguments) => reference::man(&arguments),
        Command::Reference => reference::markdown(),
    }
}
