//! Runs many seeded worlds and says how many and how fast; a seed that fails is written to a file that replays it.
//!
//! `kernel_sim [--seeds 0..10000] [--steps 300] [--failures DIR]`, or `kernel_sim --replay FILE`.

use std::{
    collections::HashSet,
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use kubernel_sim::{Failure, run};

struct Options {
    seeds: Range<u64>,
    steps: u64,
    failures: PathBuf,
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
    let mut options = Options { seeds: 0..10_000, steps: 300, failures: PathBuf::from(".") };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} needs a value", pair.concat())) };
        match name.as_str() {
            "--seeds" => options.seeds = seeds(value)?,
            "--steps" => options.steps = number(value)?,
            "--failures" => options.failures = value.into(),
            "--replay" => {
                let text = fs::read_to_string(value).map_err(|error| format!("{value}: {error}"))?;
                let line = |of: &str| text.lines().find_map(|line| line.strip_prefix(of)).map(number);
                let seed = line("seed ").ok_or_else(|| format!("{value} names no seed"))??;
                options.seeds = seed..seed + 1;
                options.steps = line("steps ").transpose()?.unwrap_or(options.steps);
            }
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(options)
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
        let (mut events, mut failures, mut seen) = (0, Vec::new(), HashSet::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= options.seeds.end {
                return (events, failures, seen);
            }
            match run(seed, options.steps) {
                Ok(outcome) => {
                    events += outcome.events;
                    seen.extend(outcome.seen);
                }
                Err(failure) => {
                    eprintln!("{failure}");
                    failures.push(write(&options.failures, &failure, options.steps));
                }
            }
        }
    };
    let results: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let (mut events, mut failed, mut seen) = (0, 0, HashSet::new());
    for (some, failures, kinds) in results {
        events += some;
        failed += failures.len();
        seen.extend(kinds);
        failures.into_iter().collect::<Result<Vec<()>, String>>()?;
    }
    let (seeds, secs) = (options.seeds.end.saturating_sub(options.seeds.start), start.elapsed().as_secs_f64());
    println!(
        "kernel simulation: {seeds} seeds of {} steps, {events} events of {} kinds, {failed} failed; {:.1} s on {cores} \
         cores, {:.0} seeds per second",
        options.steps,
        seen.len(),
        secs,
        seeds as f64 / secs
    );
    if failed == 0 { Ok(()) } else { Err(format!("{failed} seeds failed")) }
}

fn write(directory: &Path, failure: &Failure, steps: u64) -> Result<(), String> {
    let path = directory.join(format!("kernel_sim-{}.seed", failure.seed));
    let text = format!("seed {}\nsteps {steps}\n{failure}\n", failure.seed);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    eprintln!("to see it again: kernel_sim --replay {}", path.display());
    Ok(())
}
