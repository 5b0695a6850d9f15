public import NIOCore

/// A `LinkWatch` with a timer: an idle connection that nothing is waited for has none. On its loop only, which makes it
/// Sendable.
public final class LinkWatchdog: @unchecked Sendable {
    private let loop: any EventLoop
    private var watch: LinkWatch
    private let progress: () -> (unsent: Int, isReading: Bool)
    private let onLapse: (LinkWatch.Lapse) -> Void
    private var timer: (due: NIODeadline, task: Scheduled<Void>)?

    /// - Parameters:
    ///   - progress: bytes that wait to be sent, and whether the peer is listened to.
    ///   - onLapse: what has not happened in time. The connection is to be closed, and `stop` called.
    public init(
        _ patience: LinkPatience, on loop: any EventLoop,
        progress: @escaping () -> (unsent: Int, isReading: Bool),
        onLapse: @escaping (LinkWatch.Lapse) -> Void
    ) {
        self.loop = loop
        self.progress = progress
        self.onLapse = onLapse
        watch = LinkWatch(patience, at: .now)
        setTimer()
    }

    /// As `LinkWatch.heard`.
    public func heard(_ bytes: Int, units: Int, unfinished: Int) {
        watch.heard(bytes, units: units, unfinished: unfinished, at: .now)
        setTimer()
    }

    /// What was put into the queue has not left at once.
    public func waits(_ bytes: Int) {
        watch.sending(bytes, at: .now)
        setTimer()
    }

    /// The queue is empty.
    public func drained() { watch.drained() }

    public func stop() {
        timer?.task.cancel()
        timer = nil
    }

    /// A timer that is too early stays: checking costs less than setting another.
    private func setTimer() {
        guard let due = watch.due?.deadline, timer.map({ due < $0.due }) ?? true else { return }
        timer?.task.cancel()
        timer = (due, loop.scheduleTask(deadline: due) { self.check() })
    }

    private func check() {
        timer = nil
        let (unsent, isReading) = progress()
        if let lapse = watch.check(unsent: unsent, isReading: isReading, at: .now) { return onLapse(lapse) }
        setTimer()
    }
}
