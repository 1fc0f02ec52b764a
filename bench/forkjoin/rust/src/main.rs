//! Measures one Rust row of the fork-join suite, in a process of its own. The
//! arguments and the line it prints are those of the Go program in ../row:
//!
//! ```text
//! row list
//! row WORKLOAD IMPL WORKERS [quick]
//! ```

mod allocs;
mod data;
mod fib;
mod loops;
mod matmul;
mod measure;
mod mergesort;
mod nqueens;
mod sha1;
mod skynet;
mod tree;
mod uneven;
mod uts;

use measure::{measure, peak_rss_kb, Figures, Job};

#[global_allocator]
static ALLOCATOR: allocs::Counting = allocs::Counting;

/// A function that makes a job of a size.
type Make = fn(usize) -> Box<dyn Job>;

/// Trees are deep, and a thread that waits goes on with other work on the same
/// stack. Pages that aren't used cost nothing.
const MAIN_STACK: usize = 1 << 30;
const WORKER_STACK: usize = 64 << 20;

/// A workload: its two sizes, the serial code, and the same with Rayon.
struct Workload {
    name: &'static str,
    size: usize,
    quick: usize,
    serial: Make,
    rayon: Make,
}

const fn workload(name: &'static str, size: usize, quick: usize, serial: Make, rayon: Make) -> Workload {
    Workload { name, size, quick, serial, rayon }
}

const WORKLOADS: &[Workload] = &[
    workload("fib", 35, 20, fib::serial, fib::rayon),
    workload("skynet", 1_000_000, 10_000, skynet::serial, skynet::rayon),
    workload("nqueens", 13, 7, nqueens::serial, nqueens::rayon),
    workload("uts-t1", 10, 5, uts::t1_serial, uts::t1_rayon),
    workload("uts-t3", 2000, 10, uts::t3_serial, uts::t3_rayon),
    workload("matmul", 1024, 64, matmul::serial, matmul::rayon),
    workload("mergesort", 10_000_000, 10_000, mergesort::serial, mergesort::rayon),
    workload("tree-1k", 1000, 100, tree::serial, tree::rayon),
    workload("tree-10m", 10_000_000, 1000, tree::serial, tree::rayon),
    workload("for", 1_000_000, 10_000, loops::for_serial, loops::for_rayon),
    workload("sort", 10_000_000, 10_000, loops::sort_serial, loops::sort_rayon),
    workload("uneven", 5_000, 50, uneven::serial, uneven::rayon),
];

fn main() {
    let body = || {
        if let Err(e) = run(&std::env::args().skip(1).collect::<Vec<_>>()) {
            eprintln!("row: {e}");
            std::process::exit(1);
        }
        std::process::exit(0); // what is still there needn't be freed
    };
    std::thread::Builder::new().stack_size(MAIN_STACK).spawn(body).unwrap().join().unwrap();
}

fn run(args: &[String]) -> Result<(), String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (name, implementation, workers, quick) = match args[..] {
        ["list"] => {
            for w in WORKLOADS {
                println!("{0} rust-serial\n{0} rayon", w.name);
            }
            return Ok(());
        }
        [name, implementation, workers] => (name, implementation, workers, false),
        [name, implementation, workers, "quick"] => (name, implementation, workers, true),
        _ => return Err("want list, or WORKLOAD IMPL WORKERS [quick]".into()),
    };
    let workers: usize = workers.parse().map_err(|e| format!("workers {workers:?}: {e}"))?;
    let w = WORKLOADS.iter().find(|w| w.name == name).ok_or(format!("no workload {name}"))?;
    let f = match implementation {
        "rust-serial" => row(w, w.serial, quick)?,
        "rayon" => rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .stack_size(WORKER_STACK)
            .build()
            .map_err(|e| e.to_string())?
            .install(|| row(w, w.rayon, quick))?,
        _ => return Err(format!("no implementation {implementation}")),
    };
    let rss = peak_rss_kb()?;
    println!("{name} {implementation} {workers} {} {} {} {rss} {}", f.wall, f.cpu, f.allocs, f.check);
    Ok(())
}

/// Does the small size first, which starts the workers, then measures.
fn row(w: &Workload, make: Make, quick: bool) -> Result<Figures, String> {
    let mut small = make(w.quick);
    small.reset();
    small.op();
    measure(&mut *make(if quick { w.quick } else { w.size }), quick)
}
