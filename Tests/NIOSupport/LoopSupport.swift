public import NIOCore
import NIOPosix
import Synchronization

/// Runs `body` with an event loop of its own, and ends the loop whatever happens.
@discardableResult
public func withLoop<T: Sendable>(_ body: (any EventLoop) async throws -> T) async throws -> T {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
        let result = try await body(group.next())
        try await group.shutdownGracefully()
        return result
    } catch {
        try await group.shutdownGracefully()
        throw error
    }
}

/// What handlers on a loop have seen, readable from a test.
public final class Recorder<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    public init() {}

    public var all: [Element] { elements.withLock { $0 } }

    public func replace(with other: [Element]) { elements.withLock { $0 = other } }
    public func append(_ element: Element) { elements.withLock { $0.append(element) } }
    public func append(contentsOf more: [Element]) { elements.withLock { $0.append(contentsOf: more) } }
}

public struct TimedOut: Error {
    public init() {}
}

/// Waits for a condition, generously: the machine may be busy with other things.
public func eventually(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<6_000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw TimedOut()
}
