// A list as people type it: its items stand on lines of their own, or between commas or blanks. Pure.

export const typedList = (text) => text.split(/[\s,]+/).filter(Boolean);

/** Items that may hold commas and blanks: each stands on a line of its own. */
export const typedLines = (text) =>
	text
		.split('\n')
		.map((line) => line.trim())
		.filter(Boolean);
