// Package facts finds what a thread knows: the latest trace that was answered
// in it or in its case, or the latest answer about one job of PanDA, or a question
// that is named, and asks its sources once more. What comes out is never older than
// the question.
package facts
