//! A few threads that help with one loop at a time.
//!
//! A loop is cut into parts whose results do not depend on who computes them. The calling thread works on
//! parts itself, so a helper that the system has put aside delays nothing but the part it is in. Helpers
//! wait for the next loop in a short spin, because within a step it comes microseconds later, and then
//! sleep.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};

/// How often a helper looks for work before it sleeps: some tens of microseconds.
const SPINS: u32 = 20_000;

/// The loop that helpers join: called with the number of a part and that of the thread.
type Job = *const (dyn Fn(usize, usize) + Sync);

struct Shared {
    /// The number of the loop (32 bits), its parts (16 bits), and the next part to claim (16 bits), in one
    /// word, so that a part can only be claimed of the loop that it belongs to.
    ticket: AtomicU64,
    job: UnsafeCell<Job>,
    done: AtomicUsize,
    failed: AtomicBool,
    stop: AtomicBool,
    asleep: Vec<AtomicBool>,
}

// SAFETY: `job` is the only field that is not `Sync` by itself. It is written only while no part is claimed
// and unfinished (see `Pool::each`), and read only by holders of an unfinished part.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer in `job` is used only as described there.
unsafe impl Send for Shared {}

impl Shared {
    /// Claims the next part of the current loop, if there is one.
    fn claim(&self) -> Option<usize> {
        let mut ticket = self.ticket.load(Ordering::Acquire);
        loop {
            let (parts, next) = ((ticket >> 16) & 0xffff, ticket & 0xffff);
            if next >= parts {
                return None;
            }
            match self.ticket.compare_exchange_weak(ticket, ticket + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(next as usize),
                Err(now) => ticket = now,
            }
        }
    }

    /// Works on parts of the current loop until none is left.
    fn work(&self, thread: usize) {
        while let Some(part) = self.claim() {
            let finished = Finished(self);
            // SAFETY: a part of this loop is claimed and not finished, so `each`, which lent the closure, is
            // still waiting for it, and nobody writes `job`.
            let job = unsafe { &**self.job.get() };
            job(part, thread);
            drop(finished);
        }
    }
}

/// Counts a part as done, also when it panics, so that nobody waits for ever.
struct Finished<'a>(&'a Shared);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed.store(true, Ordering::Relaxed);
        }
        self.0.done.fetch_add(1, Ordering::Release);
    }
}

/// Threads that compute the parts of a loop together.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
    sleepers: Vec<Thread>,
    /// Held for the time of a loop: a pool works on one at a time.
    busy: std::sync::Mutex<()>,
}

impl Pool {
    /// A pool of `threads` threads, the calling one included. Where the system grants fewer, it has fewer.
    pub fn new(threads: usize) -> Self {
        let nothing: Job = &|_, _| {};
        let helpers = threads.clamp(1, 64) - 1;
        let shared = Arc::new(Shared {
            ticket: AtomicU64::new(0),
            job: UnsafeCell::new(nothing),
            done: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            asleep: (0..helpers).map(|_| AtomicBool::new(false)).collect(),
        });
        let helpers: Vec<_> = (0..helpers)
            .map_while(|i| {
                let shared = shared.clone();
                let name = format!("downhill-{}", i + 1);
                std::thread::Builder::new().name(name).spawn(move || help(&shared, i)).ok()
            })
            .collect();
        let sleepers = helpers.iter().map(|helper| helper.thread().clone()).collect();
        Pool { shared, helpers, sleepers, busy: std::sync::Mutex::new(()) }
    }

    /// The number of threads, the calling one included.
    pub fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Calls `part(i, thread)` for each i below `parts`, in any order, on any of the threads; `thread` is
    /// below [`Pool::threads`] and belongs to one call at a time.
    pub fn each(&self, parts: usize, part: &(dyn Fn(usize, usize) + Sync)) {
        debug_assert!(parts < 1 << 16);
        if parts <= 1 || self.helpers.is_empty() {
            (0..parts).for_each(|i| part(i, 0));
            return;
        }
        // Another plan may use the same pool from another thread; then this one works alone.
        let Ok(_busy) = self.busy.try_lock() else {
            (0..parts).for_each(|i| part(i, 0));
            return;
        };
        let shared = &*self.shared;
        // SAFETY: all parts of the loop before are finished, or `each` would not have returned, so nobody
        // reads `job`. The lifetime is cut off, but `each` does not return before all parts are finished.
        unsafe {
            *shared.job.get() = std::mem::transmute::<*const (dyn Fn(usize, usize) + Sync + '_), Job>(part)
        };
        shared.done.store(0, Ordering::Relaxed);
        let number = (shared.ticket.load(Ordering::Relaxed) >> 32).wrapping_add(1);
        shared.ticket.store(number << 32 | (parts as u64) << 16, Ordering::SeqCst);
        for (asleep, thread) in shared.asleep.iter().zip(&self.sleepers) {
            if asleep.swap(false, Ordering::SeqCst) {
                thread.unpark();
            }
        }
        shared.work(0);
        let mut spins = 0u32;
        while shared.done.load(Ordering::Acquire) < parts {
            spins += 1;
            if spins.is_multiple_of(256) { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
        assert!(!shared.failed.load(Ordering::Relaxed), "a loop of the engine panicked on a helper thread");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for (helper, thread) in self.helpers.drain(..).zip(&self.sleepers) {
            thread.unpark();
            // A helper that panicked has been reported by `each`.
            let _ = helper.join();
        }
    }
}

/// The life of a helper.
fn help(shared: &Shared, number: usize) {
    loop {
        shared.work(number + 1);
        let mut spins = 0;
        loop {
            if shared.stop.load(Ordering::Relaxed) {
                return;
            }
            if has_work(shared, Ordering::Relaxed) {
                break;
            }
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
                continue;
            }
            shared.asleep[number].store(true, Ordering::SeqCst);
            // Work that came in between has not seen the flag; look once more before sleeping.
            if has_work(shared, Ordering::SeqCst) || shared.stop.load(Ordering::SeqCst) {
                shared.asleep[number].store(false, Ordering::SeqCst);
                continue;
            }
            std::thread::park();
            shared.asleep[number].store(false, Ordering::SeqCst);
            spins = 0;
        }
    }
}

fn has_work(shared: &Shared, ordering: Ordering) -> bool {
    let ticket = shared.ticket.load(ordering);
    (ticket & 0xffff) < ((ticket >> 16) & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_done_exactly_once() {
        for threads in [1, 2, 3, 8] {
            let pool = Pool::new(threads);
            for round in 0..2_000 {
                let parts = round % 7;
                let counts: Vec<_> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                pool.each(parts, &|i, thread| {
                    assert!(thread < threads);
                    counts[i].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn helpers_wake_after_sleeping() {
        let pool = Pool::new(2);
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let sum = AtomicUsize::new(0);
            pool.each(100, &|i, _| {
                sum.fetch_add(i, Ordering::Relaxed);
            });
            assert_eq!(sum.load(Ordering::Relaxed), 4950);
        }
    }

    #[test]
    fn two_callers_share_a_pool_without_waiting_for_each_other() {
        let pool = Pool::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let sum = AtomicUsize::new(0);
                        pool.each(10, &|i, _| {
                            sum.fetch_add(i, Ordering::Relaxed);
                        });
                        assert_eq!(sum.load(Ordering::Relaxed), 45);
                    }
                });
            }
        });
    }
}
