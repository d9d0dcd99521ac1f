// How many workers can run at the same time?

/// Processors this process may use.
public enum CPUCount {
    /// Processors in the process's affinity mask (which taskset and container cpusets narrow); at least 1.
    public static var available: Int {
        max(1, SystemCalls.allowedProcessorCount())
    }
}
