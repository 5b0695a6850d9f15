public import BitcoinPrimitives

/// How much of a block pays how much: weight by fee rate, for a template and, beside it, another one.
public struct FeeRateHistogram: Hashable, Sendable, Encodable {
    public struct Bar: Hashable, Sendable, Encodable {
        /// Satoshis per virtual byte, in hundredths: the lowest rate that counts here.
        public var fromHundredths: UInt64
        /// Exclusive; `nil` for the highest.
        public var belowHundredths: UInt64?
        /// Weight units of the transactions with such a rate of their own.
        public var weight: UInt64
        /// Of the other template.
        public var otherWeight: UInt64?

        private enum CodingKeys: String, CodingKey {
            case weight
            case fromHundredths = "from_sat_per_100_vb"
            case belowHundredths = "below_sat_per_100_vb"
            case otherWeight = "other_weight"
        }
    }

    /// Highest rate first, from the highest to the lowest that occurs.
    public var bars: [Bar]

    /// Bounds of the bars: hundredths of a satoshi per virtual byte.
    private static let bounds: [UInt64] = [
        0, 10, 20, 50, 100, 200, 300, 500, 800, 1_200, 2_000, 3_000, 5_000, 8_000, 12_000, 20_000, 30_000,
        50_000,
        80_000, 120_000, 200_000, 500_000, 1_000_000,
    ]

    public init(_ entries: [MempoolEntry], beside other: [MempoolEntry]?) {
        let ours = Self.weights(entries)
        let theirs = other.map(Self.weights)
        let used = Self.bounds.indices.filter { ours[$0] > 0 || (theirs?[$0] ?? 0) > 0 }
        guard let lowest = used.first, let highest = used.last else {
            bars = []
            return
        }
        bars = (lowest...highest).reversed().map { index in
            Bar(
                fromHundredths: Self.bounds[index],
                belowHundredths: index + 1 < Self.bounds.count ? Self.bounds[index + 1] : nil,
                weight: ours[index], otherWeight: theirs?[index])
        }
    }

    private static func weights(_ entries: [MempoolEntry]) -> [UInt64] {
        var weights = [UInt64](repeating: 0, count: bounds.count)
        for entry in entries {
            let size = max(1, entry.weight.weightUnits)
            // 100 / vB is 400 / WU; fees are below 2^51.
            let (product, overflow) = entry.fee.rawValue.multipliedReportingOverflow(by: 400)
            let rate = overflow ? .max : product / size
            weights[(bounds.firstIndex { $0 > rate } ?? bounds.count) - 1] += entry.weight.weightUnits
        }
        return weights
    }

    /// Draws the bars, no line wider than `width` columns (at least 40): a line for the template and one for the other.
    public func lines(width: Int, name: String, otherName: String) -> [String] {
        guard let most = bars.map({ max($0.weight, $0.otherWeight ?? 0) }).max(), most > 0 else { return [] }
        let width = max(40, width)
        let labels = bars.map(\.label)
        let labelWidth = labels.map(\.count).max() ?? 0
        // A space on both sides of the bar, and the number behind it: up to "4,000 kWU".
        let room = max(1, width - labelWidth - 11)
        let hasOther = bars.contains { $0.otherWeight != nil }
        let title = "weight by fee rate, sat/vB: █ \(name)" + (hasOther ? ", ░ \(otherName)" : "")
        var lines = [String(title.prefix(width))]
        for (bar, label) in zip(bars, labels) {
            lines.append(Self.line(Words.right(label, labelWidth), bar.weight, of: most, in: room, "█"))
            if let other = bar.otherWeight {
                lines.append(
                    Self.line(String(repeating: " ", count: labelWidth), other, of: most, in: room, "░"))
            }
        }
        return lines
    }

    /// Something that is there is never drawn as nothing.
    private static func line(
        _ label: String, _ weight: UInt64, of most: UInt64, in room: Int, _ mark: String
    ) -> String {
        guard weight > 0 else { return "\(label) 0" }
        let length = max(1, Int((Double(weight) / Double(most) * Double(room)).rounded()))
        let kilo = weight < 1_000 ? "<1" : Words.grouped(weight / 1_000)
        return "\(label) \(String(repeating: mark, count: length)) \(kilo) kWU"
    }
}

extension FeeRateHistogram.Bar {
    fileprivate var label: String {
        let from = Self.short(fromHundredths)
        return belowHundredths.map { "\(from) - \(Self.short($0))" } ?? "\(from) up"
    }

    private static func short(_ hundredths: UInt64) -> String { Words.thousandths(10 * hundredths) }
}
