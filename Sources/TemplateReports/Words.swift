/// Numbers as people read them; no locale, so that a log reads the same everywhere.
enum Words {
    /// Digits in groups of three: 1,234,567.
    static func grouped(_ number: some BinaryInteger) -> String {
        let digits = Array(String(number.magnitude))
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    static func satoshis(_ number: some BinaryInteger) -> String { "\(grouped(number)) sat" }

    /// With a sign in any case.
    static func difference(_ number: Int64) -> String { (number > 0 ? "+" : "") + satoshis(number) }

    /// Satoshis per virtual byte with two decimals, cut off.
    static func rate(fee: Int64, weight: UInt64) -> String {
        guard weight > 0 else { return "0.00 sat/vB" }
        // Fees are below 2^51 and weights a block's at most, so the product is in range.
        let (product, overflow) = fee.magnitude.multipliedReportingOverflow(by: 400)
        let hundredths = overflow ? .max : product / weight
        return "\(fee < 0 ? "-" : "")\(decimal(hundredths)) sat/vB"
    }

    /// A number of hundredths.
    static func decimal(_ hundredths: UInt64) -> String {
        let rest = hundredths % 100
        return "\(grouped(hundredths / 100)).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// A number of thousandths with as few decimals as it needs.
    static func thousandths(_ number: UInt64) -> String {
        var rest = String(1_000 + number % 1_000).dropFirst()
        while rest.last == "0" { rest.removeLast() }
        return "\(number / 1_000)" + (rest.isEmpty ? "" : ".\(rest)")
    }

    static func transactions(_ count: Int) -> String {
        "\(grouped(count)) transaction\(count == 1 ? "" : "s")"
    }

    /// A text in a column of a width, to the right.
    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
