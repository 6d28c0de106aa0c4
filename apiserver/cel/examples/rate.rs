//! How many evaluations of a typical rule a core does in a second, and how many compilations.

use std::hint::black_box;
use std::time::Instant;

use kubernel_cel::value::from_json;
use kubernel_cel::{Environment, Type};
use serde_json::json;

const RULE: &str = "self.replicas <= self.maxReplicas && self.items.all(i, i.name.matches('^[a-z]+$'))";
const ROUNDS: u32 = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let environment = Environment::base().with_variable("self", Type::Dyn);
    let program = environment.compile(RULE)?.program()?;
    let items: Vec<_> = ["web", "cache", "database", "queue"].iter().map(|name| json!({"name": name})).collect();
    let object = json!({"replicas": 3, "maxReplicas": 10, "items": items});
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let variables = [("self", from_json(&object))];
        black_box(program.evaluate(&variables, 1_000_000).value?);
    }
    println!("evaluations/s: {:.0}", f64::from(ROUNDS) / start.elapsed().as_secs_f64());
    let start = Instant::now();
    for _ in 0..ROUNDS / 100 {
        black_box(environment.compile(RULE)?.program()?);
    }
    println!("compilations/s: {:.0}", f64::from(ROUNDS / 100) / start.elapsed().as_secs_f64());
    Ok(())
}
