//! Which prefixes are merged where there are too many.
//!
//! A merger makes one prefix of two neighbours, the longest that holds both, and of all else that lies in it. It is
//! always the same prefix, whatever in it was merged before: the first and the last of what it holds decide it.
//! What it adds is a matter of that prefix alone, so that a price never changes; and a merger within another
//! costs no more than that other, and is possible where that is. So nothing has to be priced again as prefixes
//! are merged, and the order in which mergers are done, cheapest first, is known before the first is.

use std::rc::Rc;

use watertight_net::{Family, Prefix};

use super::measure::Measure;
use super::{Ground, Line};
use crate::cover::supernet;

/// What a merger adds: endpoints of the estate, then addresses.
pub(super) type Price = (u128, u128);

/// A merger of a prefix with the next: its price, the line, and the place of the prefix there. Prefixes are in
/// order, so that of mergers with one price those of the first line come first, and of these the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Offer {
    price: Price,
    line: usize,
    at: usize,
}

/// The mergers that are possible, and which of them are done.
pub(super) struct Mergers {
    v4: Vec<Offer>,
    v6: Vec<Offer>,
    /// By line, its prefixes before all mergers.
    prefixes: Vec<Rc<Vec<Prefix>>>,
    /// By line and place, whether a prefix is one with the next; empty where none is.
    joined: Vec<Vec<bool>>,
}

impl Mergers {
    /// Those of lines, of which no prefix is merged.
    pub(super) fn of(lines: &[Line<'_>], ground: &Ground<'_>) -> Self {
        let prefixes = lines.iter().map(|line| Rc::clone(&line.prefixes)).collect();
        let joined = vec![Vec::new(); lines.len()];
        let mut mergers = Self { v4: Vec::new(), v6: Vec::new(), prefixes, joined };
        let never = Measure::of(&ground.never);
        let mut priced: Vec<Vec<(usize, Price)>> = Vec::with_capacity(lines.len());
        for (number, line) in lines.iter().enumerate() {
            let of_twin = line.twin.and_then(|twin| priced.get(twin));
            let own = if of_twin.is_some() { Vec::new() } else { prices(line, ground, &never) };
            for (at, price) in of_twin.unwrap_or(&own) {
                let family = line.prefixes.get(*at).map(|one| one.family());
                let offers = match family {
                    Some(Family::V6) => &mut mergers.v6,
                    Some(Family::V4) | None => &mut mergers.v4,
                };
                offers.push(Offer { price: *price, line: number, at: *at });
            }
            priced.push(own);
        }
        mergers
    }

    /// Does the cheapest mergers of a family until there are `fewer` prefixes, or as many fewer as can be. Returns
    /// how many fewer there are.
    pub(super) fn merge(&mut self, family: Family, fewer: u32) -> u32 {
        let Some(last) = usize::try_from(fewer).unwrap_or(usize::MAX).checked_sub(1) else {
            return 0;
        };
        let mut offers = match family {
            Family::V4 => std::mem::take(&mut self.v4),
            Family::V6 => std::mem::take(&mut self.v6),
        };
        if last >= offers.len() {
            for offer in &offers {
                self.join(*offer);
            }
            return u32::try_from(offers.len()).unwrap_or(u32::MAX);
        }
        // Each merger makes at least one fewer, so that no more of them than this are done.
        let (_, dearest, _) = offers.select_nth_unstable(last);
        let bound = (dearest.price, dearest.line);
        let mut saved = 0_usize;
        let mut dearest = Vec::new();
        for offer in offers {
            // Whatever lies in one of the cheaper ones is as cheap, and of the same line: it is among them.
            match (offer.price, offer.line).cmp(&bound) {
                std::cmp::Ordering::Less => saved = saved.saturating_add(self.join(offer)),
                std::cmp::Ordering::Equal => dearest.push(offer),
                std::cmp::Ordering::Greater => {}
            }
        }
        dearest.sort_unstable();
        for offer in dearest {
            if saved > last {
                break;
            }
            saved = saved.saturating_add(self.join_within(offer));
        }
        u32::try_from(saved).unwrap_or(u32::MAX)
    }

    /// Makes a prefix one with the next. Returns how many fewer there are.
    fn join(&mut self, offer: Offer) -> usize {
        let Some(joined) = self.joined.get_mut(offer.line) else { return 0 };
        if joined.is_empty() {
            let count = self.prefixes.get(offer.line).map_or(0, |all| all.len());
            joined.resize(count, false);
        }
        let is_new = joined.get_mut(offer.at).is_some_and(|one| !std::mem::replace(one, true));
        usize::from(is_new)
    }

    /// The same with all that the merged prefix holds. What lies before costs no more than this, so that it is
    /// merged already.
    fn join_within(&mut self, offer: Offer) -> usize {
        let mut saved = self.join(offer);
        if saved == 0 {
            return 0;
        }
        let Some(all) = self.prefixes.get(offer.line).cloned() else { return saved };
        let behind = all.get(offer.at..).unwrap_or_default();
        let [first, next, behind @ ..] = behind else { return saved };
        let Some(merged) = supernet(*first, *next) else { return saved };
        let within = behind.iter().take_while(|one| merged.covers(**one)).count();
        for at in (offer.at..).skip(1).take(within) {
            saved = saved.saturating_add(self.join(Offer { at, ..offer }));
        }
        saved
    }

    /// Writes what came of it into the lines that these are of.
    pub(super) fn write(&self, lines: &mut [Line<'_>]) {
        for (line, joined) in lines.iter_mut().zip(&self.joined).filter(|(_, all)| !all.is_empty())
        {
            line.prefixes = Rc::new(written(&line.prefixes, joined));
            line.is_merged = true;
        }
    }
}

/// What prefixes are where each is or is not one with the next.
fn written(prefixes: &[Prefix], joined: &[bool]) -> Vec<Prefix> {
    let mut found = Vec::new();
    let mut first: Option<Prefix> = None;
    for (one, joins) in prefixes.iter().zip(joined) {
        let from = *first.get_or_insert(*one);
        if !joins {
            found.extend(supernet(from, *one));
            first = None;
        }
    }
    found
}

/// What it costs to merge each prefix with the next, where that is possible. Some of it may be held for nothing, so
/// that what is added is never all that a family has, and its count fits.
fn prices(line: &Line<'_>, ground: &Ground<'_>, never: &Measure) -> Vec<(usize, Price)> {
    let may = Measure::of(&line.may);
    let may_of = [may.intersection(ground.held), may.intersection(never)];
    let [may_held, may_never] = &may_of;
    let mut held = (ground.held.nearby(), may_held.nearby());
    let mut never = (never.nearby(), may_never.nearby());
    let mut may = may.nearby();
    let mut found = Vec::with_capacity(line.prefixes.len());
    for (at, pair) in line.prefixes.windows(2).enumerate() {
        let [one, other] = pair else { continue };
        let Some(merged) = supernet(*one, *other) else { continue };
        if never.0.within(merged) != never.1.within(merged) {
            continue;
        }
        let size = u32::from(merged.family().bits().saturating_sub(merged.len()));
        let size = 1_u128.checked_shl(size).unwrap_or(0);
        let held = held.0.within(merged).wrapping_sub(held.1.within(merged));
        found.push((at, (held, size.wrapping_sub(may.within(merged)))));
    }
    found
}
