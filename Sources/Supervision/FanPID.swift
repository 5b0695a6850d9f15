import Units

/// The duty of fans from the distance to a target, in percent. Gains: boards.md §5, as ESP-Miner has them (5 %/°C,
/// 0.1 %/(°C s), 2 % s/°C), the filter's time stretched to readings a second apart.
struct FanPID: Sendable {
    private static let proportional = 5.0
    private static let integral = 0.1
    private static let derivative = 2.0
    private static let filter = 0.5
    /// After a longer gap than this the past says nothing of the slope.
    private static let longestStep = 5.0

    let target: Double
    private var sum: Double
    private var last: (celsius: Double, at: Instant)?
    private(set) var duty: Double

    /// - Parameter duty: where it begins.
    init(target: Double, duty: Double) {
        self.target = target
        (sum, self.duty) = (duty, duty)
    }

    /// - Parameter floor: the least duty, which is also as far as the sum winds.
    mutating func update(_ celsius: Double, floor: Double, at now: Instant) {
        guard let (previous, then) = last else {
            last = (celsius, now)
            return
        }
        let step = (now - then).inSeconds
        guard step > 0 else { return }
        let filtered = previous + (celsius - previous) * Self.filter
        last = (filtered, now)
        let error = filtered - target
        let slope = step <= Self.longestStep ? (filtered - previous) / step : 0
        let wanted = sum + Self.integral * error * min(step, Self.longestStep)
        let output = Self.proportional * error + wanted + Self.derivative * slope
        // Anti-windup: at an end of the range the sum only moves away from it.
        if (output < 100 || error < 0) && (output > floor || error > 0) { sum = min(max(wanted, 0), 100) }
        duty = min(max(output, floor), 100)
    }
}
