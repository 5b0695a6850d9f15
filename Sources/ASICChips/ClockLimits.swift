public import Units

/// What a model's hash clock allows.
public struct ClockLimits: Hashable, Sendable {
    public let feedback: ClosedRange<Int>
    public let oscillatorMegahertz: ClosedRange<Double>
    /// A tighter upper end where the reference is not divided.
    public let undividedOscillatorMaximum: Double
    public let encoding: ClockEncoding

    public init(
        feedback: ClosedRange<Int>, oscillatorMegahertz: ClosedRange<Double>,
        undividedOscillatorMaximum: Double? = nil, encoding: ClockEncoding = .minusOne
    ) {
        self.feedback = feedback
        self.oscillatorMegahertz = oscillatorMegahertz
        self.undividedOscillatorMaximum = undividedOscillatorMaximum ?? oscillatorMegahertz.upperBound
        self.encoding = encoding
    }

    /// The setting nearest to `frequency`; among equally near ones (within 100 Hz) that with the slowest
    /// oscillator, then with the smallest product of post-dividers. These are the choices of the ESP-Miner
    /// firmware of 2026, whose solver also wants the first post-divider above the second.
    ///
    /// - Returns: `nil` when every setting within the limits is further away than half a step of a ramp,
    ///   3.125 MHz: what the dividers can always give over the models' range of frequencies.
    public func setting(for frequency: Hertz) -> ClockSetting? {
        var best: (setting: ClockSetting, error: Double)?
        for reference in [2, 1] {
            for first in (1...7).reversed() {
                for second in (1..<first).reversed() {
                    guard let setting = candidate(for: frequency, reference, first, second) else { continue }
                    let actual = setting.oscillatorMegahertz / Double(first * second)
                    let error = (actual - frequency.megahertz).magnitude
                    guard let known = best else {
                        best = (setting, error)
                        continue
                    }
                    if isBetter(setting, error, than: known.setting, known.error) { best = (setting, error) }
                }
            }
        }
        guard let best, best.error <= Double(Self.rampStep) / 2e6 else { return nil }
        return best.setting
    }

    private func candidate(for frequency: Hertz, _ reference: Int, _ first: Int, _ second: Int)
        -> ClockSetting?
    {
        let ideal = frequency.megahertz / 25 * Double(reference * first * second)
        guard ideal < Double(feedback.upperBound) + 1 else { return nil }
        let rounded = Int(ideal.rounded())
        guard feedback.contains(rounded) else { return nil }
        let setting = ClockSetting(
            feedback: rounded, reference: reference, postDivider1: first, postDivider2: second,
            encoding: encoding)
        let oscillator = setting.oscillatorMegahertz
        guard oscillatorMegahertz.contains(oscillator) else { return nil }
        return reference == 1 && oscillator > undividedOscillatorMaximum ? nil : setting
    }

    private func isBetter(
        _ a: ClockSetting, _ aError: Double, than b: ClockSetting, _ bError: Double
    ) -> Bool {
        guard (aError - bError).magnitude < 1e-4 else { return aError < bError }
        if a.oscillatorMegahertz != b.oscillatorMegahertz {
            return a.oscillatorMegahertz < b.oscillatorMegahertz
        }
        return a.postDivider1 * a.postDivider2 < b.postDivider1 * b.postDivider2
    }

    /// The clock after reset, where every ramp starts and ends (bm13xx.md §7.2).
    public static let resetFrequency = Hertz(hertz: 50_000_000)
    /// Distance of a ramp's stops, which lie on multiples of it (bm13xx.md §7.2).
    static let rampStep: UInt64 = 6_250_000

    /// The stops of a ramp, up or down: every multiple of 6.25 MHz strictly between, then `target` itself.
    /// Empty when the clock is there already.
    ///
    /// - Returns: `nil` when some stop has no setting.
    public func ramp(from start: Hertz, to target: Hertz) -> [ClockSetting]? {
        let step = Self.rampStep
        var stops = [Hertz]()
        if start < target {
            var next = (start.hertz / step + 1) * step
            while next < target.hertz {
                stops.append(Hertz(hertz: next))
                next += step
            }
        } else if target < start {
            var next = (start.hertz - 1) / step * step
            while next > target.hertz {
                stops.append(Hertz(hertz: next))
                next -= step
            }
        }
        if start != target { stops.append(target) }
        var settings = [ClockSetting]()
        for stop in stops {
            guard let setting = setting(for: stop) else { return nil }
            settings.append(setting)
        }
        return settings
    }
}
