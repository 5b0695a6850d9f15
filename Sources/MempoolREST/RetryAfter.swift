/// The header field `Retry-After` (RFC 9110 §10.2.3): seconds, or a date in one of the three forms of §5.6.7.
public enum RetryAfter {
    /// More characters than any of the forms has.
    public static let maximumLength = 64

    /// How long the service wants to be left alone.
    ///
    /// - Parameters:
    ///   - date: the field `Date` of the same answer, whose clock is the one that the other date was made by.
    ///   - unixTime: seconds since 1970, where there is no readable `date`.
    /// - Returns: nil for what is neither; zero for a date that has passed.
    public static func wait(_ text: String, date: String?, unixTime: Int64) -> Duration? {
        let text = trimmed(text)
        guard !text.isEmpty, text.utf8.count <= maximumLength else { return nil }
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // More digits than a year of seconds has are as good as a year.
            return .seconds(min(Int64(text) ?? .max, 31_536_000))
        }
        guard let until = seconds(ofDate: text) else { return nil }
        let now = date.flatMap { seconds(ofDate: trimmed($0)) } ?? unixTime
        let (difference, overflow) = until.subtractingReportingOverflow(now)
        return .seconds(overflow ? 0 : min(max(difference, 0), 31_536_000))
    }

    /// Seconds since 1970 of a date like `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or
    /// `Sun Nov  6 08:49:37 1994`.
    static func seconds(ofDate text: String) -> Int64? {
        guard text.utf8.count <= maximumLength else { return nil }
        let words = text.split { $0 == " " || $0 == "," || $0 == "-" }.map(String.init)
        let day: String, month: String, year: String, time: String
        switch words.count {
        case 6 where words[5] == "GMT": (day, month, year, time) = (words[1], words[2], words[3], words[4])
        case 5: (month, day, time, year) = (words[1], words[2], words[3], words[4])
        default: return nil
        }
        guard let monthNumber = months.firstIndex(of: month), let dayNumber = number(day, 1...31),
            var yearNumber = number(year, 0...9_999)
        else { return nil }
        // Two digits are of our time: RFC 9110 wants the century that is not 50 years ahead.
        if year.utf8.count == 2 { yearNumber += yearNumber < 70 ? 2_000 : 1_900 }
        guard yearNumber >= 1_970 else { return nil }
        let clock = time.split(separator: ":").map(String.init)
        guard clock.count == 3, let hour = number(clock[0], 0...23), let minute = number(clock[1], 0...59),
            let second = number(clock[2], 0...60)
        else { return nil }
        let days = daysBefore(year: yearNumber, month: monthNumber) + dayNumber - 1
        return days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Days from 1970 to the first of a month (0 to 11) in the Gregorian calendar.
    private static func daysBefore(year: Int64, month: Int) -> Int64 {
        let lengths: [Int64] = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let last = year - 1
        let leapDays = (last / 4 - last / 100 + last / 400) - (1_969 / 4 - 1_969 / 100 + 1_969 / 400)
        return (year - 1_970) * 365 + leapDays + lengths.prefix(month).reduce(0, +)
    }

    private static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static func number(_ text: String, _ range: ClosedRange<Int64>) -> Int64? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int64(text), range.contains(number)
        else { return nil }
        return number
    }

    private static func trimmed(_ text: String) -> String {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        var rest = Substring(text).drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return String(rest)
    }
}
