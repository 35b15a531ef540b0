import Glibc

/// Stands in for that of Synchronization under ThreadSanitizer, which sees the locks of pthreads only (those are
/// intercepted; the other waits by a futex of its own) and would find a race in all that the other protects.
///
/// Sendable by pthread_mutex_lock(3): one thread at a time is between lock and unlock, whichever it is.
///
/// `scripts/test-sanitize.sh` adds it to each module that has a Mutex, where it hides the imported one.
struct Mutex<Value>: ~Copyable, @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let value = UnsafeMutablePointer<Value>.allocate(capacity: 1)

    init(_ value: consuming sending Value) {
        pthread_mutex_init(lock, nil)
        self.value.initialize(to: value)
    }

    deinit {
        value.deinitialize(count: 1)
        value.deallocate()
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    borrowing func withLock<Result: ~Copyable, E: Error>(
        _ body: (inout sending Value) throws(E) -> sending Result
    ) throws(E) -> sending Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return try body(&value.pointee)
    }
}
