//! Explanations: a verdict for each pair of ends, with the guards and rules on the way.

mod line;

use watertight_net::FlowSet;

use super::flows;
use super::listing::Name;
pub(super) use line::{GuardLine, RuleLine};

#[cfg(test)]
mod tests;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Explanation {
    /// The VPC in which the ends are, where both are in one.
    pub(super) realm: Option<String>,
    /// The flows that are asked about, where the question names some.
    pub(super) asked: Option<FlowSet>,
    pub(super) pairs: Vec<Pair>,
}

/// What is told of one pair of ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) from: Name,
    pub(super) to: Name,
    /// What is permitted.
    pub(super) flows: FlowSet,
    /// What of TCP gets no reply.
    pub(super) no_reply: FlowSet,
    /// The guard at which the way ends, as in `security group name`.
    pub(super) stops_at: Option<String>,
    /// The guards on the way, in order.
    pub(super) guards: Vec<GuardLine>,
    /// The guards on the way of the reply, in order.
    pub(super) reply_guards: Vec<GuardLine>,
    /// `Egress: security group a allows connection; ...`, before the details.
    pub(super) summary: Vec<(String, bool)>,
    /// Whether the details call the way enabled.
    pub(super) enabled: Option<bool>,
}

/// In which part of a pair's text a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Path,
    Details,
    Reply,
}

impl Explanation {
    /// Reads a file; a line that is not understood is an error.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader {
            explanation: Self::default(),
            part: Part::Head,
            path: String::new(),
            direction: None,
        };
        for line in text.lines() {
            reader.line(line.trim())?;
        }
        reader.end_path();
        if reader.explanation.pairs.is_empty() {
            return Err("the file explains nothing".to_owned());
        }
        Ok(reader.explanation)
    }
}

struct Reader {
    explanation: Explanation,
    part: Part,
    path: String,
    direction: Option<line::Way>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let is_rule = |mark: char| line.len() > 3 && line.chars().all(|one| one == mark);
        if line.is_empty() || is_rule('=') || is_rule('~') {
            return Ok(());
        }
        if is_rule('-') {
            self.end_path();
            self.part = Part::Head;
            return Ok(());
        }
        if self.title(line)? || self.verdict(line)? {
            return Ok(());
        }
        if line == "Path:" {
            self.part = Part::Path;
            return Ok(());
        }
        if line == "Details:" {
            self.end_path();
            self.part = Part::Details;
            return Ok(());
        }
        match self.part {
            Part::Head => self.head(line),
            Part::Path => {
                self.path.push_str(line);
                self.path.push(' ');
                Ok(())
            }
            Part::Details | Part::Reply => self.detail(line),
        }
    }

    /// `Explaining connectivity from A to B within V using "..."`.
    fn title(&mut self, line: &str) -> Result<bool, String> {
        if line.starts_with("Interpreted source") || line.starts_with("Interpreted destination") {
            // Each pair names its ends.
            return Ok(true);
        }
        let Some(rest) = line.strip_prefix("Explaining connectivity from ") else {
            return Ok(false);
        };
        let (rest, asked) = without_question(rest)?;
        self.explanation.asked = asked;
        self.explanation.realm = rest.rsplit_once(" within ").map(|(_, realm)| realm.to_owned());
        Ok(true)
    }

    /// The line that begins a pair.
    fn verdict(&mut self, line: &str) -> Result<bool, String> {
        let none = ["No connectivity from ", "No connections from "];
        if let Some(rest) = none.iter().find_map(|start| line.strip_prefix(start)) {
            let (ends, _) = without_question(rest.trim_end_matches(';'))?;
            self.begin(ends, FlowSet::none())?;
        } else if let Some(rest) = line.strip_prefix("Connections from ") {
            let (ends, text) =
                rest.split_once(": ").ok_or_else(|| format!("`{line}` tells no flows"))?;
            self.begin(ends, flows::parse(text)?)?;
        } else if let Some(rest) = line.strip_prefix("Connections are allowed from ") {
            let (ends, asked) = without_question(rest)?;
            let flows = asked.ok_or_else(|| format!("`{line}` tells no flows"))?;
            self.begin(ends, flows)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn begin(&mut self, ends: &str, flows: FlowSet) -> Result<(), String> {
        self.end_path();
        self.part = Part::Head;
        let (from, to) =
            ends.split_once(" to ").ok_or_else(|| format!("`{ends}` are no two ends"))?;
        self.explanation.pairs.push(Pair {
            from: Name::parse(from)?,
            to: Name::parse(to)?,
            flows,
            no_reply: FlowSet::none(),
            stops_at: None,
            guards: Vec::new(),
            reply_guards: Vec::new(),
            summary: Vec::new(),
            enabled: None,
        });
        Ok(())
    }

    fn pair(&mut self, line: &str) -> Result<&mut Pair, String> {
        let pair = self.explanation.pairs.last_mut();
        pair.ok_or_else(|| format!("`{line}` stands before any verdict"))
    }

    /// What stands between the verdict and the path.
    fn head(&mut self, line: &str) -> Result<(), String> {
        let pair = self.pair(line)?;
        let summary = line.strip_prefix("Egress: ").or_else(|| line.strip_prefix("Ingress: "));
        if let Some(summary) = summary {
            for effect in summary.split("; ").filter(|one| !line::is_subnet_remark(one)) {
                pair.summary.push(line::effect(effect)?);
            }
            return Ok(());
        }
        if let Some(text) = line.strip_prefix("However, TCP response is blocked for: ") {
            for part in text.split("; ") {
                let blocked = flows::parse(&format!("protocol: TCP {part}"))?;
                pair.no_reply = pair.no_reply.union(&blocked);
            }
            return Ok(());
        }
        if line == "TCP response is blocked" {
            pair.no_reply = flows::tcp();
            return Ok(());
        }
        // Which direction, gateway or note it is, is compared by guards and flows.
        let said = [
            "connection is blocked ",
            "connection blocked ",
            "External traffic via ",
            "The dst is external but there is no ",
            "(note that not all queried",
        ];
        if said.iter().any(|start| line.starts_with(start)) {
            return Ok(());
        }
        Err(format!("`{line}` is no line of an explanation"))
    }

    fn detail(&mut self, line: &str) -> Result<(), String> {
        if let Some(word) = line.strip_prefix("Path is ") {
            let enabled = word.starts_with("enabled;");
            if !enabled && !word.starts_with("disabled;") {
                return Err(format!("`{line}` is neither enabled nor disabled"));
            }
            self.pair(line)?.enabled = Some(enabled);
            return Ok(());
        }
        if line.starts_with("TCP response is ") {
            self.part = Part::Reply;
            return Ok(());
        }
        if let Some(way) = line::Way::of_heading(line) {
            self.direction = Some(way);
            return Ok(());
        }
        if line::is_subnet_remark(line) {
            return Ok(());
        }
        let is_reply = self.part == Part::Reply;
        let direction = self.direction;
        let pair = self.pair(line)?;
        let guards = if is_reply { &mut pair.reply_guards } else { &mut pair.guards };
        if let Some(rule) = RuleLine::parse(line)? {
            let guard = guards.last_mut().ok_or_else(|| format!("`{line}` is of no guard"))?;
            guard.rules.push(rule);
            return Ok(());
        }
        let way = direction.ok_or_else(|| format!("`{line}` stands under no direction"))?;
        guards.push(GuardLine::parse(line, way)?);
        Ok(())
    }

    /// Takes from the path the guard at which it ends: the last part, between bars.
    fn end_path(&mut self) {
        let path = std::mem::take(&mut self.path);
        let last = path.trim().rsplit("->").next().unwrap_or_default().trim().to_owned();
        let stop = last.strip_prefix('|').and_then(|rest| rest.strip_suffix('|'));
        if let (Some(stop), Some(pair)) = (stop, self.explanation.pairs.last_mut()) {
            pair.stops_at = Some(stop.trim().to_owned());
        }
    }
}

/// A text without ` using "flows"` at its end, and the flows.
fn without_question(text: &str) -> Result<(&str, Option<FlowSet>), String> {
    let Some((rest, quoted)) = text.split_once(" using \"") else { return Ok((text, None)) };
    let quoted = quoted.trim_end_matches(';').trim_end_matches('"');
    Ok((rest, Some(flows::parse(quoted)?)))
}
