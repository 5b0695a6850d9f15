import Synchronization

/// A value that a test and a server's loop share.
public final class Guarded<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    public init(_ value: Value) { self.value = Mutex(value) }

    public func with<T: Sendable>(_ body: (inout Value) -> T) -> T { value.withLock { body(&$0) } }
}
