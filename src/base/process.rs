//! What the operating system knows of this process and its machine: CPU time, memory, names.
//!
//! Everything here is for people who watch the server (INFO); where the system does not tell, the answer is 0 or empty.
#![expect(unsafe_code, reason = "getrusage, getrlimit and uname have no safe form in std")]

use std::ffi::CStr;

/// CPU time used, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuMicros {
    /// In the kernel.
    pub system: u64,
    /// In the program.
    pub user: u64,
}

/// The CPU time that all threads of the process have used.
pub fn cpu() -> CpuMicros {
    // SAFETY: rusage is a struct of integers, for which all bits zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live rusage that nobody else sees.
    let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    if result != 0 {
        return CpuMicros::default();
    }
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    CpuMicros { system: micros(usage.ru_stime), user: micros(usage.ru_utime) }
}

/// CPU time that the calling thread has used, in nanoseconds; 0 where the system does not tell. For measurements: it costs a system call.
pub fn thread_cpu_nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec that nobody else sees.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    if result == 0 { time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64 } else { 0 }
}

/// How far behind others a thread comes that [`give_way`] was said for: it gets a tenth of the time that another gets, where both want all of it.
#[cfg(target_os = "linux")]
const NICENESS: libc::c_int = 10;

/// Has the calling thread give way to the others of the process, for good: for long work that nobody waits for. It must not hold anything that others wait for.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    // SAFETY: the call touches no memory. On Linux 0 is the calling thread. If it fails, nothing has changed.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS);
    }
}

/// Has the calling thread run only where a CPU would be idle, so that whoever wants to run never waits for it; it has said [`give_way`] before. False, and all is as it was,
/// where it could not [`come_back`]: the system lets a thread do so that has the right to raise its priority again (CAP_SYS_NICE, or RLIMIT_NICE of 10).
pub fn stand_back() -> bool {
    // It is known only by trying, and who has tried in vain stands back for good.
    let tried = std::thread::Builder::new().name("tally-try".into()).spawn(|| {
        give_way();
        is_idle(true) && come_back()
    });
    let may_come_back = tried.is_ok_and(|thread| thread.join().unwrap_or(false));
    may_come_back && is_idle(true)
}

/// The end of [`stand_back`]: the thread has its part of the time again, as after [`give_way`]. Whether that is so.
pub fn come_back() -> bool {
    is_idle(false)
}

/// Sets whether the calling thread runs where nobody else wants to. Whether that could be done.
fn is_idle(wanted: bool) -> bool {
    #[cfg(target_os = "linux")]
    {
        let policy = if wanted { libc::SCHED_IDLE } else { libc::SCHED_OTHER };
        let parameters = libc::sched_param { sched_priority: 0 };
        // SAFETY: the pointer is to a live sched_param. 0 is the calling thread.
        unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) == 0 }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = wanted;
        false
    }
}

/// Has the calling thread woken when the time of a sleep is over, rather than up to 50 us later, so that the system can wake several at once.
pub fn sleep_exactly() {
    #[cfg(target_os = "linux")]
    // SAFETY: the command takes a number of nanoseconds, and concerns no memory of ours.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong);
    }
}

/// What else than its own work has held up a thread so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interruptions {
    /// Times at which it was taken off its CPU although it wanted to go on.
    pub preemptions: u64,
    /// Pages that the system had to give it, or to map, at first touch; those read from a disk among them.
    pub faults: u64,
}

/// What has held up the calling thread; nothing where the system does not tell. For measurements: it costs a system call.
pub fn thread_interruptions() -> Interruptions {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: rusage is a struct of integers, for which all bits zero is a value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a live rusage that nobody else sees.
        if unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) } == 0 {
            let faults = (usage.ru_minflt + usage.ru_majflt) as u64;
            return Interruptions { preemptions: usage.ru_nivcsw as u64, faults };
        }
    }
    Interruptions::default()
}

/// Has the system back no memory of this process with huge pages from now on. It may refuse, which changes nothing.
pub fn disable_huge_pages() {
    #[cfg(target_os = "linux")]
    // SAFETY: the command takes a flag and three zeros, and concerns no memory of ours.
    unsafe {
        libc::prctl(
            libc::PR_SET_THP_DISABLE,
            1 as libc::c_ulong,
            0 as libc::c_ulong,
            0 as libc::c_ulong,
            0 as libc::c_ulong,
        );
    }
}

/// Raises the number of files that this process may have open to `wanted`, as far as it may, and returns what it is then.
pub fn raise_open_files(wanted: u64) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live rlimit that nobody else sees.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return wanted;
    }
    if limit.rlim_cur >= wanted {
        return limit.rlim_cur;
    }
    let raised = libc::rlimit { rlim_cur: wanted.min(limit.rlim_max), rlim_max: limit.rlim_max };
    // SAFETY: the pointer is to a live rlimit.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
        raised.rlim_cur
    } else {
        limit.rlim_cur
    }
}

/// System, release and machine, as `uname -srm` prints them.
pub fn system_name() -> String {
    // SAFETY: utsname is a struct of character arrays, for which all bits zero is a value.
    let mut names: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live utsname that nobody else sees.
    if unsafe { libc::uname(&raw mut names) } != 0 {
        return String::new();
    }
    let text = |field: &[libc::c_char]| {
        // SAFETY: uname ends each field with a NUL inside of its array; if it failed, the arrays are all NUL.
        unsafe { CStr::from_ptr(field.as_ptr()) }.to_string_lossy().into_owned()
    };
    format!("{} {} {}", text(&names.sysname), text(&names.release), text(&names.machine))
}

/// Bytes of memory that the machine has.
pub fn system_memory_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|line| line.split_ascii_whitespace().next()).and_then(|number| number.parse().ok());
    kilobytes.map_or(0, |kilobytes: u64| kilobytes * 1024)
}

/// The path of the program.
pub fn executable() -> String {
    std::env::current_exe().map_or_else(|_| String::new(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_who_it_is_and_how_much_memory_it_has() {
        assert_eq!(system_name().split(' ').count(), 3);
        assert!(system_memory_bytes() > 1024 * 1024);
        assert!(!executable().is_empty());
    }

    #[test]
    fn the_number_of_open_files_is_never_lowered() {
        let now = raise_open_files(1);
        assert!(now > 1);
        assert!(raise_open_files(now + 1) >= now);
    }

    #[test]
    fn touching_fresh_memory_interrupts_a_thread() {
        let before = thread_interruptions();
        // No allocator keeps so much for later.
        let memory = vec![1u8; 64 << 20];
        assert!(memory[memory.len() - 1] == 1);
        let after = thread_interruptions();
        assert!(after.faults > before.faults || cfg!(not(target_os = "linux")));
        assert!(after.preemptions >= before.preemptions);
    }

    #[test]
    fn cpu_time_does_not_go_back() {
        let before = cpu();
        let after = cpu();
        assert!(after.user >= before.user && after.system >= before.system);
        let before = thread_cpu_nanos();
        assert!(before > 0 && thread_cpu_nanos() >= before);
    }
}
