//! Runs many seeded worlds, of each kind one for every seed, and says how many and how fast; a seed that fails is written
//! to a file that replays it.
//!
//! `kernel_sim [--seeds 0..10000] [--steps 300] [--world anything|cluster] [--failures DIR]`, or `kernel_sim --replay FILE`.

use std::{
    collections::HashSet,
    fs,
    mem::Discriminant,
    ops::Range,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use kubernel_kernel::Event;
use kubernel_sim::{Failure, Kind, run, run_cluster};

/// How often it is said how far the run is.
const PROGRESS: u64 = 1_000;

struct Options {
    seeds: Range<u64>,
    steps: u64,
    worlds: Vec<Kind>,
    failures: PathBuf,
}

/// What a worker saw.
#[derive(Default)]
struct Sum {
    events: u64,
    started: u64,
    masters: u64,
    seen: HashSet<Discriminant<Event>>,
    /// The longest time until all was well in a cluster.
    calm_ms_max: u64,
    failures: Vec<Result<(), String>>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match options(&arguments) {
        Ok(options) => simulate(&options),
        Err(what) => Err(what),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("kernel_sim: {what}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let worlds = vec![Kind::Anything, Kind::Cluster];
    let mut options = Options { seeds: 0..10_000, steps: 300, worlds, failures: PathBuf::from(".") };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} needs a value", pair.concat())) };
        match name.as_str() {
            "--seeds" => options.seeds = seeds(value)?,
            "--steps" => options.steps = number(value)?,
            "--world" => options.worlds = vec![world(value)?],
            "--failures" => options.failures = value.into(),
            "--replay" => {
                let text = fs::read_to_string(value).map_err(|error| format!("{value}: {error}"))?;
                let line = |of: &str| text.lines().find_map(|line| line.strip_prefix(of)).map(number);
                let seed = line("seed ").ok_or_else(|| format!("{value} names no seed"))??;
                options.seeds = seed..seed + 1;
                options.steps = line("steps ").transpose()?.unwrap_or(options.steps);
                let kind = text.lines().find_map(|line| line.strip_prefix("world "));
                options.worlds = vec![kind.map_or(Ok(Kind::Anything), world)?];
            }
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(options)
}

fn world(text: &str) -> Result<Kind, String> {
    match text {
        "anything" => Ok(Kind::Anything),
        "cluster" => Ok(Kind::Cluster),
        _ => Err(format!("{text:?} is no kind of world")),
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or_else(|| format!("{text:?} is no range of seeds"))?;
    Ok(number(from)?..number(to)?)
}

fn number(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no number"))
}

/// Each core takes the next seed until there is none left.
fn simulate(options: &Options) -> Result<(), String> {
    let start = Instant::now();
    let next = AtomicU64::new(options.seeds.start);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut sum = Sum::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= options.seeds.end {
                return sum;
            }
            let done = seed - options.seeds.start;
            if done > 0 && done.is_multiple_of(PROGRESS) {
                eprintln!("{done} seeds in {:.0} s", start.elapsed().as_secs_f64());
            }
            for world in &options.worlds {
                sum.run(*world, seed, options);
            }
        }
    };
    let sums: Vec<Sum> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let mut all = Sum::default();
    for sum in sums {
        all.events += sum.events;
        all.started += sum.started;
        all.masters += sum.masters;
        all.calm_ms_max = all.calm_ms_max.max(sum.calm_ms_max);
        all.failures.extend(sum.failures);
        all.seen.extend(sum.seen);
    }
    let (seeds, secs) = (options.seeds.end.saturating_sub(options.seeds.start), start.elapsed().as_secs_f64());
    let failed = all.failures.len();
    println!(
        "kernel simulation: {seeds} seeds; anything: {} steps each, {} events of {} kinds; clusters: {} masters, {} tasks, \
         at rest after {:.0} s at most; {failed} failed; {secs:.1} s on {cores} cores, {:.0} seeds per second",
        options.steps,
        all.events,
        all.seen.len(),
        all.masters,
        all.started,
        all.calm_ms_max as f64 / 1_000.0,
        seeds as f64 / secs
    );
    all.failures.into_iter().collect::<Result<Vec<()>, String>>()?;
    if failed == 0 { Ok(()) } else { Err(format!("{failed} seeds failed")) }
}

impl Sum {
    fn run(&mut self, world: Kind, seed: u64, options: &Options) {
        let result = match world {
            Kind::Anything => run(seed, options.steps).map(|outcome| {
                self.events += outcome.events;
                self.seen.extend(outcome.seen);
            }),
            Kind::Cluster => run_cluster(seed).map(|outcome| {
                self.started += outcome.started;
                self.masters += outcome.masters;
                self.calm_ms_max = self.calm_ms_max.max(outcome.calm_ms);
            }),
        };
        if let Err(failure) = result {
            eprintln!("{failure}");
            self.failures.push(write(&options.failures, &failure, options.steps));
        }
    }
}

fn write(directory: &Path, failure: &Failure, steps: u64) -> Result<(), String> {
    let path = directory.join(format!("kernel_sim-{}-{}.seed", failure.world, failure.seed));
    let text = format!("world {}\nseed {}\nsteps {steps}\n{failure}\n", failure.world, failure.seed);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    eprintln!("to see it again: kernel_sim --replay {}", path.display());
    Ok(())
}
