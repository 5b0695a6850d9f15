extension ForeignProtocol {
    /// What a client of that protocol is told before it is turned away, in its own language, so that its log names the
    /// cause; nil where there are no such words.
    var farewell: [UInt8]? {
        switch self {
        case .http:
            let text = "This is the port of a Stratum V2 server, not of a web site.\n"
            return Array(
                ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
                    + "Content-Length: \(text.utf8.count)\r\n\r\n" + text).utf8)
        case .stratumV1:
            // Error 20 is "other": what miners of Stratum V1 print the text of.
            let text = "Stratum V2 port; its address is stratum2+tcp://host:port/KEY"
            return Array("{\"id\":null,\"result\":null,\"error\":[20,\"\(text)\",null]}\n".utf8)
        case .tls, .plaintextSV2, .text: return nil
        }
    }
}
