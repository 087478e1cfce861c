//! A policy that other commands ask, and under which modes and when they ask it.

use std::path::{Path, PathBuf};

use clap::Args;
use watertight_model::Name;
use watertight_policy::decide::{Decider, Essentials, Modes, World};
use watertight_policy::{
    CheckedPolicy, Documents, Feeds, ModeEdit, Promotion, Timestamp, check, with_essentials,
    with_mode,
};
use watertight_source::{Contents, Sources, render_text};

use super::files::{Files, Open, Parsed, real};
use crate::args::InputArguments;
use crate::clock;
use crate::estate_folder::{self, Loaded};
use crate::exit::{Failure, say};
use crate::text::clean;

/// Which segments and policies are on, and when.
#[derive(Debug, Args)]
pub(crate) struct UnderArguments {
    /// What is on: `enforced`, `pending` (what is in monitor too), or `promote:SEGMENT` (what is
    /// enforced, and this segment)
    #[arg(long, value_name = "MODES", default_value = "enforced")]
    pub(crate) under: String,
    /// The instant to ask about, as in `2027-01-31T00:00:00Z`; now where it is left out
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

/// What a policy is asked about.
#[derive(Debug, Args)]
pub(crate) struct AskedArguments {
    /// The policy's files and folders
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// The estate's folder, or one file of it
    #[arg(long, value_name = "ESTATE")]
    pub(crate) estate: PathBuf,
    #[command(flatten)]
    pub(crate) under: UnderArguments,
    #[command(flatten)]
    pub(crate) input: InputArguments,
}

/// A policy with the estate's essentials, the estate that it is asked about, under which modes and
/// when.
pub(crate) struct Asked {
    pub(crate) policy: LoadedPolicy,
    pub(crate) loaded: Loaded,
    pub(crate) world: World,
    pub(crate) essentials: Essentials,
    pub(crate) modes: Modes,
    pub(crate) now: Timestamp,
}

impl AskedArguments {
    /// Reads everything.
    ///
    /// # Errors
    /// When something cannot be read, or has errors.
    pub(crate) fn load(&self) -> Result<Asked, Failure> {
        self.load_as(estate_folder::load_folder)
    }

    /// The same, with clusters' services as ends that something can be sent to.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) fn load_with_services(&self) -> Result<Asked, Failure> {
        self.load_as(estate_folder::load_with_services)
    }

    fn load_as(
        &self,
        read: impl FnOnce(&Path, &InputArguments) -> Result<Loaded, Failure>,
    ) -> Result<Asked, Failure> {
        let now = self.under.now()?;
        let mut policy = load(&self.paths)?;
        let modes = self.under.modes(&policy.policy)?;
        let loaded = read(&self.estate, &self.input)?;
        let world = World::of_estate(&loaded.estate);
        let essentials = with_essentials(&mut policy.policy, &loaded.estate);
        Ok(Asked { policy, loaded, world, essentials, modes, now })
    }
}

impl Asked {
    /// What decides.
    pub(crate) fn decider(&self) -> Decider<'_> {
        Decider::new(&self.policy.policy, &self.world, &self.essentials)
    }
}

/// A policy without errors, and its files.
pub(crate) struct LoadedPolicy {
    pub(crate) policy: CheckedPolicy,
    pub(crate) sources: Sources,
}

/// Reads and checks a policy, and says on standard error what is wrong with it.
///
/// # Errors
/// When a file cannot be read, or the policy has errors.
pub(crate) fn load(paths: &[PathBuf]) -> Result<LoadedPolicy, Failure> {
    checked(Files::read(paths)?)
}

fn checked(mut files: Files) -> Result<LoadedPolicy, Failure> {
    let feeds = files.feeds()?;
    checked_with(files, &feeds)
}

fn checked_with(mut files: Files, feeds: &Feeds) -> Result<LoadedPolicy, Failure> {
    let policy = check(&files.documents, feeds, &mut files.diagnostics);
    let errors = files.diagnostics.errors();
    say(&clean(&render_text(&files.diagnostics.into_sorted(), &files.sources)));
    match policy {
        Some(policy) => Ok(LoadedPolicy { policy, sources: files.sources }),
        None => Err(Failure::Reported { errors }),
    }
}

/// The files of a policy, read again and again.
pub(crate) struct Reread<'p> {
    paths: &'p [PathBuf],
    parsed: Parsed,
    /// What was read last; nothing where that failed or was not tried.
    last: Option<Vec<(String, Contents)>>,
}

impl<'p> Reread<'p> {
    pub(crate) const fn new(paths: &'p [PathBuf]) -> Self {
        Self { paths, parsed: Parsed::new(), last: None }
    }

    /// The policy, where its files hold something else than when they were read last; files that could not be read
    /// are reported once.
    ///
    /// # Errors
    /// As [`load`].
    pub(crate) fn changed(&mut self) -> Result<Option<LoadedPolicy>, Failure> {
        let before = std::mem::take(&mut self.parsed);
        let read = Files::read_with(self.paths, Open::new(), before);
        let read = read.and_then(|(mut files, parsed)| {
            let feeds = files.feeds()?;
            Ok((files, parsed, feeds))
        });
        let (files, parsed, feeds) = match read {
            Ok(read) => read,
            // Where nothing could be read, nothing is remembered: a policy has a file at least.
            Err(failure) => {
                let is_new = self.last.replace(Vec::new()).is_none_or(|last| !last.is_empty());
                return if is_new { Err(failure) } else { Ok(None) };
            }
        };
        self.parsed = parsed;
        let sources = &files.sources;
        let all =
            sources.iter().map(|(file, path)| (path.to_owned(), sources.contents(file).clone()));
        let now: Vec<(String, Contents)> = all.collect();
        let is_same = |last: &[(String, Contents)]| {
            let mut pairs = last.iter().zip(&now);
            last.len() == now.len()
                && pairs.all(|((path, one), (now, other))| {
                    path == now && one.as_bytes() == other.as_bytes()
                })
        };
        if self.last.as_deref().is_some_and(is_same) {
            return Ok(None);
        }
        self.last = Some(now);
        checked_with(files, &feeds).map(Some)
    }
}

/// Reads and checks a policy with one more text, as if it stood in a file of that name; without files,
/// the text alone. The text is made in view of what the files declare. Gives it too.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_with(
    paths: &[PathBuf],
    (name, text): (&str, &dyn Fn(&Documents) -> String),
) -> Result<(LoadedPolicy, String), Failure> {
    let mut files = Files::read(paths)?;
    let text = text(&files.documents);
    files.add_text(name, &text);
    Ok((checked(files)?, text))
}

/// A policy's files, with another mode for one segment, or another share of it.
pub(crate) struct OtherMode {
    /// The file of the segment, and its text now.
    pub(crate) path: PathBuf,
    pub(crate) old: Vec<u8>,
    pub(crate) edit: ModeEdit,
    /// All files as they were read.
    pub(crate) sources: Sources,
}

impl OtherMode {
    /// Reads the files, and edits one of them in memory.
    ///
    /// # Errors
    /// When a file cannot be read or has errors, and when the segment does not get the mode.
    pub(crate) fn read(paths: &[PathBuf], to: &Promotion<'_>) -> Result<Self, Failure> {
        let files = Files::read(paths)?;
        let errors = files.diagnostics.errors();
        if errors > 0 {
            say(&clean(&render_text(&files.diagnostics.into_sorted(), &files.sources)));
            return Err(Failure::Reported { errors });
        }
        let edit = with_mode(&files.documents, &files.sources, files.limits(), to)
            .map_err(|error| Failure::Policy(error.to_string()))?;
        let path = PathBuf::from(files.sources.path(edit.file));
        let old = files.sources.contents(edit.file).as_bytes().to_vec();
        Ok(Self { path, old, edit, sources: files.sources })
    }

    /// The policy as it would be, checked.
    ///
    /// # Errors
    /// When it would have errors.
    pub(crate) fn load(&self, paths: &[PathBuf]) -> Result<LoadedPolicy, Failure> {
        let text = self.edit.text.iter().map(|text| (real(&self.path), text.clone()));
        let (files, _) = Files::read_with(paths, text.collect(), Parsed::default())?;
        checked(files)
    }

    /// The first file that does not hold any more what was read.
    pub(crate) fn changed(&self) -> Option<&str> {
        let mut files = self.sources.iter();
        let found = files.find(|(file, path)| {
            let now = std::fs::read(path).ok();
            now.as_deref() != Some(self.sources.contents(*file).as_bytes())
        });
        found.map(|(_, path)| path)
    }
}

impl UnderArguments {
    /// The modes.
    ///
    /// # Errors
    /// When the text names no modes, or a segment that the policy does not have.
    pub(crate) fn modes(&self, policy: &CheckedPolicy) -> Result<Modes, Failure> {
        let wrong = |problem| Failure::Argument { flag: "under", problem };
        match (self.under.as_str(), self.under.strip_prefix("promote:")) {
            ("enforced", _) => Ok(Modes::Enforced),
            ("pending", _) => Ok(Modes::Pending),
            (_, Some(segment)) => {
                let name = Name::from(segment);
                if policy.segments.iter().any(|one| one.name == name) {
                    return Ok(Modes::PromoteSegment(name));
                }
                let known: Vec<&str> = policy.segments.iter().map(|one| &*one.name).collect();
                Err(wrong(format!(
                    "the policy has no segment `{segment}`; it has {}",
                    known.join(", ")
                )))
            }
            (other, None) => Err(wrong(format!(
                "`{other}` is none of `enforced`, `pending` and `promote:SEGMENT`"
            ))),
        }
    }

    /// The instant.
    ///
    /// # Errors
    /// When the text is no time.
    pub(crate) fn now(&self) -> Result<Timestamp, Failure> {
        clock::at(self.at.as_deref())
    }
}
