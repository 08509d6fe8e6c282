//! The order of any score of an instance alone: what each class thinks of each instance, scored
//! again only where something changed, and the best found by blocks.

use std::cmp::Ordering;

use crate::model::InstanceId;
use crate::placement::Score;

use super::Question;

/// Marks an instance that cannot take the class. Strategies never score as low.
const INFEASIBLE: Score = Score::MIN;

/// Scores summed up by one [`Top`], and tops by one of the next row.
const FANOUT: usize = 64;

/// What all rows may take, in bytes; classes beyond are placed by the scan.
const BYTES_MAX: usize = 256 << 20;

/// Rows at least, whatever they take.
const ROWS_MIN: usize = 8;

/// The best score of a block, and how many have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Top {
    best: Score,
    count: u32,
}

const NONE: Top = Top { best: INFEASIBLE, count: 0 };

impl Top {
    /// The best of both.
    fn and(self, other: Top) -> Top {
        match self.best.cmp(&other.best) {
            Ordering::Less => other,
            Ordering::Equal => Top { best: self.best, count: self.count + other.count },
            Ordering::Greater => self,
        }
    }
}

fn leaf(score: Score) -> Top {
    Top { best: score, count: u32::from(score != INFEASIBLE) }
}

/// The scores of one class.
#[derive(Debug, Default)]
struct Row {
    /// Version of the cluster they belong to.
    version: u64,
    scores: Vec<Score>,
    /// By block of scores.
    blocks: Vec<Top>,
    /// By block of blocks.
    roots: Vec<Top>,
}

impl Row {
    /// Scores again what changed since the row was last looked at, once each: `seen` has the
    /// present `epoch` where that is done.
    fn catch_up(&mut self, question: &Question<'_>, seen: &mut [u64], epoch: u64) {
        let instances = question.cluster.instance_count();
        let changes = question.cluster.changes_since(self.version);
        let is_new = self.scores.is_empty();
        self.grow(instances);
        if let Some(changes) = changes.filter(|_| !is_new) {
            for change in changes {
                let seen = &mut seen[change.instance.index()];
                if *seen != epoch {
                    *seen = epoch;
                    self.rescore(change.instance, question);
                }
            }
        } else {
            (0..instances as u32).for_each(|index| self.rescore(InstanceId(index), question));
        }
        self.version = question.cluster.version();
    }

    fn grow(&mut self, instances: usize) {
        self.scores.resize(instances, INFEASIBLE);
        self.blocks.resize(instances.div_ceil(FANOUT), NONE);
        self.roots.resize(self.blocks.len().div_ceil(FANOUT), NONE);
    }

    fn rescore(&mut self, id: InstanceId, question: &Question<'_>) {
        let feasible = question.feasibility.columns[question.column].feasible.contains(id);
        let score = if feasible {
            let strategy = &question.chain.strategies[0];
            strategy.score(question.class, question.cluster.instance(id))
        } else {
            INFEASIBLE
        };
        debug_assert!(!feasible || score != INFEASIBLE, "a score is above Score::MIN");
        self.set(id.index(), score);
    }

    /// Replaces a score. O(1) unless the best of a block got worse, then O([`FANOUT`]).
    fn set(&mut self, at: usize, score: Score) {
        let was = std::mem::replace(&mut self.scores[at], score);
        if was == score {
            return;
        }
        let block = at / FANOUT;
        let top = self.blocks[block];
        let new = replaced(top, leaf(was), leaf(score)).unwrap_or_else(|| {
            let end = self.scores.len().min((block + 1) * FANOUT);
            let scores = self.scores[block * FANOUT..end].iter();
            scores.map(|&score| leaf(score)).fold(NONE, Top::and)
        });
        self.blocks[block] = new;
        let root = block / FANOUT;
        self.roots[root] = replaced(self.roots[root], top, new).unwrap_or_else(|| {
            let end = self.blocks.len().min((root + 1) * FANOUT);
            self.blocks[root * FANOUT..end].iter().copied().fold(NONE, Top::and)
        });
    }

    /// The `n`-th instance with the best score, in id order.
    fn nth(&self, n: usize, best: Score) -> InstanceId {
        let mut left = n as u32;
        let mut root_or_block = |tops: &[Top]| {
            tops.iter().position(|top| passes(*top, best, &mut left)).expect("there are so many")
        };
        let root = root_or_block(&self.roots);
        let block = root * FANOUT + root_or_block(&self.blocks[root * FANOUT..]);
        let mut scores = self.scores[block * FANOUT..].iter();
        let at = scores.position(|&score| passes(leaf(score), best, &mut left));
        InstanceId((block * FANOUT + at.expect("there are so many")) as u32)
    }
}

/// Whether a top has the instance that `left` of the best come before; if not, counts it off.
fn passes(top: Top, best: Score, left: &mut u32) -> bool {
    let here = if top.best == best { top.count } else { 0 };
    let found = *left < here;
    *left -= if found { 0 } else { here };
    found
}

/// A top after one of what it sums up was replaced; `None` if all must be looked at.
fn replaced(top: Top, was: Top, new: Top) -> Option<Top> {
    if new.best > top.best {
        return Some(new);
    }
    let lost = if was.best == top.best { was.count } else { 0 };
    let won = if new.best == top.best { new.count } else { 0 };
    let count = top.count - lost + won;
    (count > 0 || top == NONE).then_some(Top { best: top.best, count })
}

/// The scores of all classes asked for.
#[derive(Debug, Default)]
pub(super) struct ScoreOrder {
    /// By class.
    rows: Vec<Option<Box<Row>>>,
    in_use: usize,
    /// Instances scored in the present catch-up: `seen[i] == epoch`.
    seen: Vec<u64>,
    epoch: u64,
}

/// The best instances of a class, counted.
#[derive(Debug)]
pub(super) struct BestScored<'a> {
    row: &'a Row,
    top: Top,
}

impl BestScored<'_> {
    pub(super) fn len(&self) -> usize {
        self.top.count as usize
    }

    /// The `n`-th in id order. O(instances / 4096).
    pub(super) fn nth(&self, n: usize) -> InstanceId {
        self.row.nth(n, self.top.best)
    }

    /// All of them in id order.
    pub(super) fn iter(&self) -> impl Iterator<Item = InstanceId> {
        let blocks = self.row.blocks.iter().enumerate();
        let blocks = blocks.filter(|(_, top)| top.best == self.top.best);
        blocks.flat_map(|(block, _)| {
            let scores = self.row.scores[block * FANOUT..].iter().take(FANOUT).enumerate();
            let best = scores.filter(|&(_, &score)| score == self.top.best);
            best.map(move |(at, _)| InstanceId((block * FANOUT + at) as u32))
        })
    }
}

impl ScoreOrder {
    /// The feasible instances with the highest score, of at least one; `None` if there is no room
    /// for the class's scores. O(changes since the class was last asked for).
    pub(super) fn best(&mut self, question: &Question<'_>) -> Option<BestScored<'_>> {
        let instances = question.cluster.instance_count();
        let at = question.class.id.index();
        if self.rows.len() <= at {
            self.rows.resize_with(at + 1, || None);
        }
        if self.rows[at].is_none() {
            if self.in_use >= (BYTES_MAX / (instances * 9).max(1)).max(ROWS_MIN) {
                return None;
            }
            self.in_use += 1;
        }
        self.seen.resize(instances, 0);
        self.epoch += 1;
        let row = self.rows[at].get_or_insert_default();
        row.catch_up(question, &mut self.seen, self.epoch);
        let top = row.roots.iter().copied().fold(NONE, Top::and);
        Some(BestScored { row, top })
    }
}
