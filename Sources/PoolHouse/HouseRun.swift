import UnixSignals

/// Runs a pool until it is interrupted (SIGINT, SIGTERM, SIGHUP), which ends it cleanly.
///
/// - Parameter observe: called on one of the pool's threads.
/// - Throws: `HouseFault`.
public func runHouse(
    _ configuration: HouseConfiguration, settings: House.Settings = House.Settings(),
    observe: @escaping @Sendable (HouseNews) -> Void
) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await House.run(configuration, settings: settings, observe: observe) }
        tasks.addTask {
            for await signal in signals {
                observe(.notice("\(signal): closing the ports and the ledger"))
                return
            }
        }
        defer { tasks.cancelAll() }
        try await tasks.next()
        tasks.cancelAll()
        // Whichever ended first, the pool's own end is waited for.
        while try await tasks.next() != nil {}
    }
}
