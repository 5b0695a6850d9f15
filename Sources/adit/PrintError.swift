import Foundation

/// A sentence on standard error.
func printError(_ sentence: String) { FileHandle.standardError.write(Data((sentence + "\n").utf8)) }
