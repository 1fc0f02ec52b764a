// Measures one C++ row of the fork-join suite, in a process of its own. The
// arguments and the line it prints are those of the Go program in ../row:
//
//   row list
//   row WORKLOAD IMPL WORKERS [quick]
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <omp.h>
#include <pthread.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

#include "allocs.hpp"
#include "common.hpp"

std::vector<Row> &rows() {
    static std::vector<Row> all;
    return all;
}

Add::Add(const char *workload, size_t size, size_t quick, std::function<Job(size_t)> serial,
         std::function<Job(size_t)> tbb, std::function<Job(size_t)> omp, In omp_in) {
    rows().push_back({workload, "cpp-serial", In::thread, size, quick, serial});
    rows().push_back({workload, "onetbb", In::arena, size, quick, tbb});
    rows().push_back({workload, "openmp", omp_in, size, quick, omp});
}

namespace {
using Clock = std::chrono::steady_clock;

// Operations are repeated until this much time has passed: the shortest take a
// microsecond, less than the first wake-up of a worker. A quick run has only one.
constexpr int64_t kEnoughNs = 200'000'000;

// Trees are deep, and a thread that waits goes on with other work on the same
// stack. Pages that aren't used cost nothing.
constexpr size_t kMainStack = size_t(1) << 30, kWorkerStack = size_t(64) << 20;

struct Figures {
    int64_t wall = 0, cpu = 0;
    uint64_t allocs = 0, check = 0;
};

int64_t cpu_ns() {
    rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    return (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1'000'000'000LL + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000LL;
}

int64_t peak_rss_kb() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("VmHWM:", 0) == 0) return std::stoll(line.substr(6));
    throw std::runtime_error("/proc/self/status has no VmHWM line");
}

Figures measure(const Job &job, bool quick) {
    Figures sum;
    int64_t ops = 0;
    for (int64_t batch = 1; ops == 0 || (sum.wall < kEnoughNs && !quick); batch *= 2) {
        if (job.reset) {
            batch = 1;
            job.reset();
        }
        uint64_t a = allocs();
        int64_t c = cpu_ns();
        auto start = Clock::now();
        uint64_t answer = job.op();
        for (int64_t i = 1; i < batch; i++) job.op();
        sum.wall += std::chrono::nanoseconds(Clock::now() - start).count();
        sum.cpu += cpu_ns() - c;
        sum.allocs += allocs() - a;
        if (job.check) answer = job.check();
        if (ops > 0 && answer != sum.check) throw std::runtime_error("two operations have different answers");
        sum.check = answer;
        ops += batch;
    }
    sum.wall /= ops;
    sum.cpu /= ops;
    sum.allocs /= ops;
    return sum;
}

// row does the small size first, which starts the workers, then measures.
Figures row(const Row &r, bool quick) {
    Job small = r.make(r.quick);
    if (small.reset) small.reset();
    small.op();
    return measure(r.make(quick ? r.quick : r.size), quick);
}

Figures run_in(const Row &r, int workers, bool quick) {
    Figures f;
    omp_set_num_threads(workers);
    switch (r.in) {
    case In::thread:
        return row(r, quick);
    case In::arena: {
        using tbb::global_control;
        global_control threads(global_control::max_allowed_parallelism, workers);
        global_control stack(global_control::thread_stack_size, kWorkerStack);
        tbb::task_arena(workers).execute([&] { f = row(r, quick); });
        return f;
    }
    case In::region:
#pragma omp parallel
#pragma omp single
        f = row(r, quick);
    }
    return f;
}

void run(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "list")) {
        for (auto &r : rows()) printf("%s %s\n", r.workload, r.impl);
        return;
    }
    bool quick = argc == 5 && !strcmp(argv[4], "quick");
    int workers = argc >= 4 ? atoi(argv[3]) : 0;
    if ((argc != 4 && !quick) || workers < 1) throw std::runtime_error("want list, or WORKLOAD IMPL WORKERS [quick]");
    for (auto &r : rows()) {
        if (strcmp(r.workload, argv[1]) || strcmp(r.impl, argv[2])) continue;
        Figures f = run_in(r, workers, quick);
        printf("%s %s %d %lld %lld %llu %lld %llu\n", r.workload, r.impl, workers, (long long)f.wall, (long long)f.cpu,
               (unsigned long long)f.allocs, (long long)peak_rss_kb(), (unsigned long long)f.check);
        return;
    }
    throw std::runtime_error(std::string("no row ") + argv[1] + " " + argv[2]);
}

struct Args {
    int argc;
    char **argv;
};
}    // namespace

// main runs everything on a thread with a large stack.
int main(int argc, char **argv) {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, kMainStack);
    Args args{argc, argv};
    pthread_t thread;
    auto body = [](void *p) -> void * {
        auto a = static_cast<Args *>(p);
        try {
            run(a->argc, a->argv);
        } catch (const std::exception &e) {
            fprintf(stderr, "row: %s\n", e.what());
            exit(1);
        }
        return nullptr;
    };
    if (pthread_create(&thread, &attr, body, &args)) {
        perror("row: pthread_create");
        return 1;
    }
    pthread_join(thread, nullptr);
}
