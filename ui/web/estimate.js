// What few answers can say about a share. Pure.

// Two sides of 95 %.
const Z = 1.96;

/** Between which shares the true one is, with 95 %, where `part` of `all` were counted (Wilson's interval, JASA 22, 1927). Null without any. */
export function shareBetween(part, all) {
	if (!(all > 0)) return null;
	const seen = part / all;
	const spread = Z * Math.sqrt((seen * (1 - seen)) / all + (Z * Z) / (4 * all * all));
	const middle = seen + (Z * Z) / (2 * all);
	const scale = 1 + (Z * Z) / all;
	return [Math.max(0, (middle - spread) / scale), Math.min(1, (middle + spread) / scale)];
}
