// Package rules holds no code, only tests that judge the repository as a whole: who may import
// whom, what may stand where, how many dependencies there are, and that every threat the threat
// model claims to stop has its test.
//
// It owns rules about the tree. What a linter can say of one file stands in .golangci.yml; where
// both could, the rule stands here as well, because a linter sees one platform at a time and these
// tests read every Go file whatever its build constraint.
package rules
