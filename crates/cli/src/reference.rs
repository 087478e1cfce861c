//! What is generated from the tree of commands: completions, man pages, the reference page.

use std::fmt::Write as _;
use std::fs;

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::args::{Arguments, CompletionsArguments, ManArguments};
use crate::exit::{Failure, Outcome};
use crate::output;

#[cfg(test)]
mod tests;

/// Prints a completion script.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "watertight", &mut script);
    output::write(None, &String::from_utf8_lossy(&script))?;
    Ok(Outcome::Fine)
}

/// Prints the man page of the program, or writes those of all commands.
pub(crate) fn man(arguments: &ManArguments) -> Result<Outcome, Failure> {
    let mut command = Arguments::command();
    command.build();
    let Some(folder) = &arguments.out else {
        output::write(None, &page(&command)?)?;
        return Ok(Outcome::Fine);
    };
    for (name, subcommand) in subcommands(&command) {
        let text = page(subcommand)?;
        write_page(&folder.join(format!("watertight-{}.1", name.replace(' ', "-"))), &text)?;
    }
    write_page(&folder.join("watertight.1"), &page(&command)?)?;
    Ok(Outcome::Fine)
}

fn page(command: &Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text).map_err(Failure::Output)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn write_page(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|source| Failure::File {
        path: path.to_path_buf(),
        action: "written",
        source,
    })
}

/// Prints `docs/reference/cli.md`.
pub(crate) fn markdown() -> Result<Outcome, Failure> {
    output::write(None, &reference())?;
    Ok(Outcome::Fine)
}

/// The reference of every command that is not hidden.
fn reference() -> String {
    let mut command = Arguments::command();
    command.build();
    let mut text = String::from(
        "# Commands\n\n\
         This page is generated from the program's own tree of commands; `watertight help COMMAND` prints the\n\
         same. [Exit codes](exit-codes.md), [names of ends](ends.md), [flows](flowset.md) and\n\
         [formats](formats.md) have pages of their own.\n",
    );
    for (name, subcommand) in subcommands(&command) {
        section(&mut text, &name, subcommand);
    }
    text
}

/// The commands that do something and are not hidden, with the words that call them.
fn subcommands(command: &Command) -> Vec<(String, &Command)> {
    let mut found = Vec::new();
    let shown = |one: &&Command| !one.is_hide_set() && one.get_name() != "help";
    for outer in command.get_subcommands().filter(shown) {
        if !outer.has_subcommands() {
            found.push((outer.get_name().to_owned(), outer));
        }
        let inner = outer.get_subcommands().filter(shown);
        found.extend(inner.map(|one| (format!("{} {}", outer.get_name(), one.get_name()), one)));
    }
    found
}

fn section(text: &mut String, name: &str, command: &Command) {
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    // Writing to a String cannot fail.
    let _infallible = write!(
        text,
        "\n## watertight {}\n\n{}\n\n    {usage}\n\n| argument | meaning |\n|---|---|\n",
        name,
        about.trim(),
    );
    for argument in command.get_arguments().filter(|one| one.get_id() != "help") {
        let _infallible = writeln!(text, "| {} | {} |", name_of(argument), meaning_of(argument));
    }
    if let Some(after) = command.get_after_long_help() {
        text.push('\n');
        for line in after.to_string().lines() {
            let _infallible = writeln!(text, "{}", format!("    {line}").trim_end());
        }
    }
}

fn name_of(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let value = names.first().map(ToString::to_string).unwrap_or_default();
    let takes_value = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    let flags: Vec<String> = [
        argument.get_short().map(|short| format!("-{short}")),
        argument.get_long().map(|long| format!("--{long}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    match (flags.is_empty(), takes_value) {
        (true, _) => format!("`{value}`"),
        (false, true) => format!("`{} {value}`", flags.join(", ")),
        (false, false) => format!("`{}`", flags.join(", ")),
    }
}

fn meaning_of(argument: &Arg) -> String {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default().replace('\n', " ");
    let takes_value = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| takes_value)
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() {
        let _infallible = write!(text, ": {}", values.join(", "));
    }
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if takes_value && !defaults.is_empty() {
        let _infallible = write!(text, " (default `{}`)", defaults.join(","));
    }
    text.replace('|', "\\|")
}
