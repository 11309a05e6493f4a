//! Which values are computed together, in one loop.
//!
//! Three kinds of neighbours are joined:
//! - elementwise functions of as many elements, with sums of them at the end, become one loop over tiles that
//!   stay in the nearest cache (a reshape between them moves nothing and does not part them);
//! - `base + product` becomes a product that adds to the base where it lies, if nobody else needs the base;
//! - `parameter - rate * product`, delivered in the parameter's place, becomes a product that is subtracted
//!   there, so that the gradient is never built.
//!
//! A value may join a loop only if nothing outside of the loop lies between them.

use crate::graph::{Graph, Source};
use downhill_autograd::operation::{Movement, Reduction};
use downhill_autograd::{Kind, Lowering, Precision};
use downhill_tensor::Shape;
use downhill_tensor::kernels::scalar::Binary;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// Values that are computed together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unit {
    /// One value by itself.
    Single(usize),
    /// Elementwise values and sums of them, in an order in which they can be computed.
    Loop(Vec<usize>),
    /// `value = base + factor * addend`, computed where the base lies.
    Accumulate(Accumulate),
}

/// See [`Unit::Accumulate`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Accumulate {
    pub value: usize,
    pub base: usize,
    pub addend: usize,
    pub factor: Factor,
}

/// What an addend is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Factor {
    One,
    /// The negative of a value of one element.
    Minus(usize),
}

/// The most values of one loop.
pub(crate) const MAX_MEMBERS: usize = 64;
/// How many units are looked at to find out whether one waits for another.
const SEARCH: usize = 256;

/// What is computed together, in an order in which it can be computed.
pub(crate) struct Order {
    pub units: Vec<Unit>,
    /// Values that are computed in the place of the input that they update, with that input's value.
    pub in_place: HashMap<usize, usize>,
}

/// The units of a graph.
pub(crate) fn units<T: Precision>(graph: &Graph<T>, needed: &[bool], users: &Users) -> Order {
    let accumulations = accumulations(graph, needed, users);
    // The addend of an accumulation, and the product of rate and addend, are computed by it.
    let mut swallowed = vec![false; graph.values.len()];
    for accumulation in accumulations.values() {
        swallowed[accumulation.addend] = true;
        if accumulation.factor != Factor::One {
            swallowed[graph.operands(accumulation.value)[1]] = true;
        }
    }
    let own = |value: &usize| needed[*value] && !swallowed[*value];
    let mut fusion = Fusion {
        graph,
        users,
        accumulations: &accumulations,
        cluster_of: vec![None; graph.values.len()],
        clusters: Vec::new(),
        now: 0,
    };
    (0..graph.values.len()).filter(own).for_each(|value| fusion.place(value));
    let Fusion { cluster_of, clusters, .. } = fusion;
    let mut units: Vec<Unit> = Vec::new();
    let mut unit_of = vec![usize::MAX; graph.values.len()];
    let mut unit_of_cluster: HashMap<usize, usize> = HashMap::new();
    for value in (0..graph.values.len()).filter(own) {
        let unit = match (accumulations.get(&value), cluster_of[value]) {
            (Some(&accumulation), _) => Unit::Accumulate(accumulation),
            (None, Some(cluster)) => {
                unit_of[value] = *unit_of_cluster.entry(cluster).or_insert_with(|| {
                    units.push(Unit::Loop(clusters[cluster].members.clone()));
                    units.len() - 1
                });
                continue;
            }
            (None, None) => Unit::Single(value),
        };
        unit_of[value] = units.len();
        units.push(unit);
    }
    for accumulation in accumulations.values() {
        unit_of[accumulation.addend] = unit_of[accumulation.value];
    }
    order(graph, users, units, unit_of)
}

/// Who uses what.
pub(crate) struct Users {
    users: Vec<Vec<usize>>,
    /// In which outputs, from which elements on, each value is delivered.
    delivered: Vec<Vec<(usize, usize)>>,
}

impl Users {
    pub fn new<T: Precision>(graph: &Graph<T>, needed: &[bool]) -> Self {
        let mut users = vec![Vec::new(); graph.values.len()];
        for value in (0..graph.values.len()).filter(|&value| needed[value]) {
            for &operand in graph.operands(value) {
                users[operand].push(value);
            }
        }
        let mut delivered = vec![Vec::new(); graph.values.len()];
        graph.deliveries.iter().for_each(|d| delivered[d.value].push((d.port, d.offset)));
        Users { users, delivered }
    }

    /// Whether a value is needed once only, and not as a result.
    fn once(&self, value: usize) -> bool {
        self.users[value].len() == 1 && self.delivered[value].is_empty()
    }

    /// Whether a value's elements lie in a buffer of their own and are needed once only, in whatever shape, and not
    /// as a result.
    pub fn is_used_once<T: Precision>(&self, graph: &Graph<T>, value: usize) -> bool {
        let mut value = same_elements(graph, value);
        if moved(graph, value) != value {
            return false;
        }
        while self.once(value) {
            value = self.users[value][0];
            if !is_reshape(graph, value) {
                return true;
            }
        }
        false
    }

    /// Whether anything outside of `inside` needs the elements of a value; a reshape of it counts as itself.
    pub fn outside<T: Precision>(
        &self,
        graph: &Graph<T>,
        value: usize,
        inside: &impl Fn(usize) -> bool,
    ) -> bool {
        !self.delivered[value].is_empty()
            || self.users[value].iter().any(|&user| {
                if is_reshape(graph, user) { self.outside(graph, user, inside) } else { !inside(user) }
            })
    }
}

fn is_reshape<T>(graph: &Graph<T>, value: usize) -> bool {
    matches!(
        &graph.values[value].source,
        Source::Operation { lowering: Lowering::Move(Movement::Reshape), .. }
    )
}

/// The value whose elements these are, in the same order.
pub(crate) fn same_elements<T: Precision>(graph: &Graph<T>, mut value: usize) -> usize {
    while is_reshape(graph, value) {
        value = graph.operands(value)[0];
    }
    value
}

/// The value of which this one is a movement, or a movement of one.
fn moved<T: Precision>(graph: &Graph<T>, mut value: usize) -> usize {
    while let Source::Operation { lowering: Lowering::Move(_), operands, .. } = &graph.values[value].source {
        value = operands[0];
    }
    value
}

fn is_elementwise<T>(graph: &Graph<T>, value: usize) -> bool {
    let value = &graph.values[value];
    let function = matches!(
        &value.source,
        Source::Operation { lowering: Lowering::Unary(_) | Lowering::Binary(_) | Lowering::Select, .. }
    );
    function && value.ty.kind == Kind::Float
}

fn is_comparison<T>(graph: &Graph<T>, value: usize) -> bool {
    use Binary::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    let Source::Operation { lowering: Lowering::Binary(function), .. } = &graph.values[value].source else {
        return false;
    };
    matches!(function, Equal | Greater | GreaterEqual | Less | LessEqual | NotEqual)
}

/// How the elements of a loop are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    /// All of them.
    All,
    /// Those of each row of this width.
    Rows(usize),
    /// Those of each column, in rows of this width.
    Columns(usize),
    /// Those of each of so many `channels`, in rows of one plane of each.
    Planes { channels: usize, plane: usize },
}

impl Sum {
    /// The elements of a row, and those of the runs in it that are added up as neighbours, if the sum goes by
    /// rows.
    pub fn rows(self) -> Option<(usize, usize)> {
        match self {
            Sum::All => None,
            Sum::Rows(width) | Sum::Columns(width) => Some((width, width)),
            Sum::Planes { channels, plane } => Some((channels * plane, plane)),
        }
    }
}

/// The least elements of a plane that are worth being added up by themselves.
const MIN_PLANE: usize = 16;

/// How a reduction of a contiguous value of `shape` over `axes` can be done while its elements pass by.
pub(crate) fn streaming_sum(shape: Shape, axes: &[usize]) -> Option<Sum> {
    let long = |axis: &usize| shape[*axis] > 1;
    let reduced: Vec<usize> = axes.iter().copied().filter(long).collect();
    let kept: Vec<usize> = (0..shape.rank()).filter(|axis| !axes.contains(axis)).filter(long).collect();
    let size = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product::<usize>();
    match (reduced.as_slice(), kept.as_slice()) {
        _ if shape.size() == 0 => None,
        ([], _) => None,
        (_, []) => Some(Sum::All),
        ([.., last], [first, ..]) if last < first => Some(Sum::Columns(size(&kept))),
        ([first, ..], [.., last]) if last < first => Some(Sum::Rows(size(&reduced))),
        (_, [first, ..]) => {
            let last = kept.last()?;
            let between = reduced.iter().any(|axis| axis > first && axis < last);
            let plane: usize = reduced.iter().filter(|axis| *axis > last).map(|&axis| shape[axis]).product();
            (!between && plane >= MIN_PLANE).then(|| Sum::Planes { channels: size(&kept), plane })
        }
    }
}

fn sum_of<T: Precision>(graph: &Graph<T>, value: usize) -> Option<(usize, Sum)> {
    match &graph.values[value].source {
        Source::Operation { lowering: Lowering::Reduce(Reduction::Sum, axes), operands, .. } => {
            let sum = streaming_sum(graph.values[operands[0]].ty.shape, axes)?;
            Some((operands[0], sum))
        }
        _ => None,
    }
}

/// A point in the order of computation: values are there when they were recorded, a loop's as soon as all is
/// there that it reads. Where every unit comes after what it reads and before what reads it, no two wait for
/// each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Time(usize, usize);

struct Cluster {
    members: Vec<usize>,
    time: Time,
    len: usize,
    /// The rows that its sums, if it has any, go by: see [`Sum::rows`].
    rows: Option<(usize, usize)>,
}

struct Fusion<'a, T> {
    graph: &'a Graph<T>,
    users: &'a Users,
    accumulations: &'a HashMap<usize, Accumulate>,
    cluster_of: Vec<Option<usize>>,
    clusters: Vec<Cluster>,
    /// The value that is being placed; later ones have no place yet.
    now: usize,
}

impl<T: Precision> Fusion<'_, T> {
    fn place(&mut self, value: usize) {
        let graph = self.graph;
        self.now = value;
        if self.accumulations.contains_key(&value) {
            return;
        }
        if is_elementwise(graph, value) {
            let len = graph.values[value].ty.shape.size();
            let mut own = self.open(value, len, None);
            if self.waits(value) {
                return;
            }
            for &operand in graph.operands(value) {
                let base = same_elements(graph, operand);
                if let Some(other) = self.cluster_of[base]
                    && other != own
                    && graph.values[base].ty.shape.size() == len
                    && self.clusters[other].len == len
                {
                    own = self.join(own, other);
                }
            }
        } else if let Some((operand, sum)) = sum_of(graph, value) {
            let len = graph.values[operand].ty.shape.size();
            let own = self.open(value, len, sum.rows());
            let base = same_elements(graph, operand);
            if let Some(other) = self.cluster_of[base]
                && graph.values[base].ty.shape.size() == self.clusters[other].len
            {
                self.join(own, other);
            }
        }
    }

    /// Whether a value had better be computed with its user: the mask of a derivative, of a value that is kept
    /// for that pass anyway, need not be kept too.
    fn waits(&self, value: usize) -> bool {
        let (graph, users) = (self.graph, self.users);
        let mut whole = graph.operands(value).iter().filter(|&&o| graph.values[o].ty.shape.size() != 1);
        let (Some(&operand), None) = (whole.next(), whole.next()) else { return false };
        let kept =
            || users.outside(graph, same_elements(graph, operand), &|user| is_elementwise(graph, user));
        is_comparison(graph, value)
            && users.once(value)
            && is_elementwise(graph, users.users[value][0])
            && kept()
    }

    /// A cluster of one value.
    fn open(&mut self, value: usize, len: usize, rows: Option<(usize, usize)>) -> usize {
        self.clusters.push(Cluster { members: vec![value], time: Time(0, 0), len, rows });
        let own = self.clusters.len() - 1;
        self.cluster_of[value] = Some(own);
        self.clusters[own].time = self.ready(own, None);
        own
    }

    /// Makes one of two clusters, if that is possible. Returns the cluster in which the members of `own` are.
    fn join(&mut self, own: usize, other: usize) -> usize {
        let (a, b) = (&self.clusters[own], &self.clusters[other]);
        let rows_agree = a.rows.is_none() || b.rows.is_none() || a.rows == b.rows;
        if !rows_agree || a.members.len() + b.members.len() > MAX_MEMBERS {
            return own;
        }
        let ready = self.ready(own, Some(other)).max(self.ready(other, Some(own)));
        if ready.0 == usize::MAX || !self.is_in_time(own, other, ready) || !self.is_in_time(other, own, ready)
        {
            return own;
        }
        let moved = std::mem::take(&mut self.clusters[own].members);
        moved.iter().for_each(|&value| self.cluster_of[value] = Some(other));
        let rows = self.clusters[own].rows;
        let target = &mut self.clusters[other];
        target.rows = target.rows.or(rows);
        target.members.extend(moved);
        target.members.sort_unstable();
        target.time = ready;
        other
    }

    /// When a value is there at the earliest.
    fn time(&self, value: usize) -> Time {
        match (&self.graph.values[value].source, self.cluster_of[value]) {
            (_, Some(cluster)) => self.clusters[cluster].time,
            (Source::Operation { lowering: Lowering::Move(_), operands, .. }, None) => self.time(operands[0]),
            (Source::Operation { .. }, None) => Time(value, 0),
            _ => Time(0, 0),
        }
    }

    /// When all is there that a cluster reads from outside of it, and of `partner`.
    fn ready(&self, cluster: usize, partner: Option<usize>) -> Time {
        let mut ready = Time(0, 0);
        for &member in &self.clusters[cluster].members {
            for &operand in self.graph.operands(member) {
                let base = moved(self.graph, operand);
                let from = self.cluster_of[base];
                let inside = from.is_some() && (from == Some(cluster) || from == partner);
                let as_it_is = base == same_elements(self.graph, operand);
                if inside && as_it_is && self.passes_on(base, cluster) {
                    continue;
                }
                if inside {
                    // A sum of the loop's own elements, or another order of them, is there only after it.
                    return Time(usize::MAX, 0);
                }
                let Time(at, rank) = self.time(operand);
                ready = ready.max(Time(at, rank + 1));
            }
        }
        ready
    }

    /// Whether all who use the values of a cluster, apart from it and `partner`, come after a time.
    fn is_in_time(&self, cluster: usize, partner: usize, ready: Time) -> bool {
        let mut stack: Vec<usize> = Vec::new();
        for &member in &self.clusters[cluster].members {
            stack.extend_from_slice(&self.users.users[member]);
        }
        while let Some(user) = stack.pop() {
            match self.cluster_of[user] {
                Some(own) if own == cluster || own == partner => {}
                Some(own) if self.clusters[own].time <= ready => return false,
                Some(_) => {}
                None => match &self.graph.values[user].source {
                    Source::Operation { lowering: Lowering::Move(_), .. } => {
                        stack.extend_from_slice(&self.users.users[user]);
                    }
                    _ if user < self.now && Time(user, 0) <= ready => return false,
                    _ => {}
                },
            }
        }
        true
    }

    /// Whether a value of a cluster is computed element by element, as those of `user` are: no sum, and not
    /// repeated.
    fn passes_on(&self, value: usize, user: usize) -> bool {
        is_elementwise(self.graph, value)
            && self.graph.values[value].ty.shape.size() == self.clusters[user].len
    }
}

/// The values that can be computed where another value lies.
fn accumulations<T: Precision>(
    graph: &Graph<T>,
    needed: &[bool],
    users: &Users,
) -> HashMap<usize, Accumulate> {
    let mut found: HashMap<usize, Accumulate> = HashMap::new();
    for value in (0..graph.values.len()).filter(|&value| needed[value]) {
        let Source::Operation { lowering: Lowering::Binary(function), operands, .. } =
            &graph.values[value].source
        else {
            continue;
        };
        let ty = graph.values[value].ty;
        let same_type = |operand: usize| graph.values[operand].ty == ty;
        let accumulation = match function {
            Binary::Add => [(operands[0], operands[1]), (operands[1], operands[0])]
                .into_iter()
                .filter(|&(base, addend)| same_type(base) && same_type(addend) && base != addend)
                .find(|&(base, addend)| {
                    adds_up(graph, addend, false)
                        && users.once(addend)
                        && users.once(base)
                        && !found.contains_key(&addend)
                        && (adds_up(graph, base, false) || found.contains_key(&base))
                })
                .map(|(base, addend)| Accumulate { value, base, addend, factor: Factor::One }),
            Binary::Sub => subtraction(graph, users, value, operands[0], operands[1]),
            _ => None,
        };
        if let Some(accumulation) = accumulation {
            found.insert(value, accumulation);
        }
    }
    found
}

/// `parameter - rate * addend`, delivered in the parameter's place.
fn subtraction<T: Precision>(
    graph: &Graph<T>,
    users: &Users,
    value: usize,
    base: usize,
    change: usize,
) -> Option<Accumulate> {
    let Source::Input { updated_by: Some(port), offset, .. } = graph.values[base].source else { return None };
    if users.delivered[value] != [(port, offset)] || !users.users[value].is_empty() || !users.once(change) {
        return None;
    }
    let Source::Operation { lowering: Lowering::Binary(Binary::Mul), operands, .. } =
        &graph.values[change].source
    else {
        return None;
    };
    let ty = graph.values[value].ty;
    [(operands[0], operands[1]), (operands[1], operands[0])]
        .into_iter()
        .find(|&(rate, addend)| {
            let scalar = graph.values[rate].ty.shape.size() == 1;
            scalar && graph.values[addend].ty == ty && adds_up(graph, addend, true) && users.once(addend)
        })
        .map(|(rate, addend)| Accumulate { value, base, addend, factor: Factor::Minus(rate) })
}

/// Whether the loop of a value can add to what is there, `scaled` or as it is.
fn adds_up<T: Precision>(graph: &Graph<T>, value: usize, scaled: bool) -> bool {
    let Source::Operation { lowering, .. } = &graph.values[value].source else { return false };
    match lowering {
        Lowering::MatMul => true,
        Lowering::ScatterAdd => scaled,
        _ => false,
    }
}

/// Puts the units into an order in which they can be computed: each as late as its last value was recorded,
/// but before whatever needs it, and before whatever takes the place of what it reads.
fn order<T: Precision>(graph: &Graph<T>, users: &Users, mut units: Vec<Unit>, unit_of: Vec<usize>) -> Order {
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); units.len()];
    for (at, unit) in units.iter().enumerate() {
        for source in sources(graph, unit) {
            if unit_of[source] != at {
                followers[unit_of[source]].push(at);
            }
        }
    }
    let in_place = in_place(graph, users, &units, &unit_of, &mut followers);
    let mut waiting = vec![0usize; units.len()];
    followers.iter().flatten().for_each(|&follower| waiting[follower] += 1);
    let key = |at: usize| match &units[at] {
        Unit::Single(value) => *value,
        Unit::Loop(members) => members.last().copied().unwrap_or(0),
        Unit::Accumulate(accumulation) => accumulation.value,
    };
    let mut ready: BinaryHeap<Reverse<(usize, usize)>> = BinaryHeap::new();
    ready.extend((0..units.len()).filter(|&at| waiting[at] == 0).map(|at| Reverse((key(at), at))));
    let mut ordered = Vec::with_capacity(units.len());
    while let Some(Reverse((_, at))) = ready.pop() {
        for &follower in &followers[at] {
            waiting[follower] -= 1;
            if waiting[follower] == 0 {
                ready.push(Reverse((key(follower), follower)));
            }
        }
        ordered.push(at);
    }
    debug_assert_eq!(ordered.len(), units.len(), "fusion has made a circle");
    let units = ordered.into_iter().map(|at| std::mem::replace(&mut units[at], Unit::Single(usize::MAX)));
    Order { units: units.collect(), in_place }
}

/// The values that a unit reads.
fn sources<T: Precision>(graph: &Graph<T>, unit: &Unit) -> Vec<usize> {
    match unit {
        Unit::Single(value) => graph.operands(*value).to_vec(),
        Unit::Loop(members) => {
            let read = members.iter().flat_map(|&member| graph.operands(member)).copied();
            // A reshape between two members is nothing to wait for.
            read.filter(|&value| members.binary_search(&same_elements(graph, value)).is_err()).collect()
        }
        Unit::Accumulate(Accumulate { base, addend, factor, .. }) => {
            let mut sources = graph.operands(*addend).to_vec();
            sources.push(*base);
            if let Factor::Minus(rate) = factor {
                sources.push(*rate);
            }
            sources
        }
    }
}

/// Finds the results that can be computed in the place of the input that they update, and lets them wait for
/// all who read that input.
fn in_place<T: Precision>(
    graph: &Graph<T>,
    users: &Users,
    units: &[Unit],
    unit_of: &[usize],
    followers: &mut [Vec<usize>],
) -> HashMap<usize, usize> {
    let mut inputs: HashMap<(usize, usize, usize), usize> = HashMap::new();
    for (number, value) in graph.values.iter().enumerate() {
        if let Source::Input { offset, updated_by: Some(port), .. } = value.source {
            inputs.insert((port, offset, value.ty.shape.size()), number);
        }
    }
    let mut found = HashMap::new();
    let mut seen = HashSet::new();
    for delivery in &graph.deliveries {
        let value = delivery.value;
        let place = (delivery.port, delivery.offset, graph.values[value].ty.shape.size());
        let Some(&input) = inputs.get(&place) else { continue };
        let once = users.delivered[value].len() == 1;
        if !once || !users.users[value].is_empty() || unit_of[value] == usize::MAX {
            continue;
        }
        let own = unit_of[value];
        // Who reads the input, moved or not, and whether element by element.
        let mut readers: Vec<(usize, bool)> = Vec::new();
        let mut moved = vec![(input, true)];
        while let Some((read, in_order)) = moved.pop() {
            for &user in &users.users[read] {
                if matches!(&graph.values[user].source, Source::Operation { lowering: Lowering::Move(_), .. })
                {
                    moved.push((user, in_order && is_reshape(graph, user)));
                }
                if unit_of[user] != usize::MAX {
                    readers.push((unit_of[user], in_order && (user == value || is_elementwise(graph, user))));
                }
            }
        }
        let reads_itself = readers.iter().any(|&(unit, in_order)| unit == own && !in_order);
        let fits = match &units[own] {
            Unit::Accumulate(accumulation) => accumulation.base == input && !reads_itself,
            Unit::Loop(_) => is_elementwise(graph, value) && !reads_itself,
            Unit::Single(_) => {
                let computes = matches!(
                    &graph.values[value].source,
                    Source::Operation { lowering, .. } if !matches!(lowering, Lowering::Move(_))
                );
                computes && readers.iter().all(|&(unit, _)| unit != own)
            }
        };
        if !fits || readers.iter().any(|&(unit, _)| unit != own && leads_to(followers, own, unit, &mut seen))
        {
            continue;
        }
        for (unit, _) in readers {
            if unit != own && !followers[unit].contains(&own) {
                followers[unit].push(own);
            }
        }
        found.insert(value, input);
    }
    found
}

/// Whether `to` may have to wait for `from`. `seen` is room for those that were looked at.
fn leads_to(followers: &[Vec<usize>], from: usize, to: usize, seen: &mut HashSet<usize>) -> bool {
    seen.clear();
    let mut stack = vec![from];
    while let Some(unit) = stack.pop() {
        if unit == to || seen.len() > SEARCH {
            return true;
        }
        if seen.insert(unit) {
            stack.extend_from_slice(&followers[unit]);
        }
    }
    false
}
