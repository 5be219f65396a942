// Formats numbers with their units, and times. A no-break space keeps a number and its unit together. Pure: the present is an argument.

export const UNKNOWN = '–';
const NBSP = '\u00a0';

const known = (n) => typeof n === 'number' && Number.isFinite(n);
const number = (n, digits, locale) => n.toLocaleString(locale, { maximumFractionDigits: digits });
const fixed = (n, digits, locale) => n.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

export function count(n, locale) {
	return known(n) ? number(n, 0, locale) : UNKNOWN;
}

export function plural(n, one, many = `${one}s`) {
	return `${count(n)}${NBSP}${n === 1 ? one : many}`;
}

/** Requests per second: one decimal below 100. */
export function rate(n, locale) {
	if (!known(n)) return UNKNOWN;
	return `${n >= 100 ? number(n, 0, locale) : fixed(n, 1, locale)}${NBSP}req/s`;
}

/** A share from 0 to 1 as percent. A share above zero never reads as zero. */
export function share(n, locale) {
	if (!known(n)) return UNKNOWN;
	const percent = n * 100;
	if (percent > 0 && percent < 0.005) return `<${NBSP}${number(0.01, 2, locale)}${NBSP}%`;
	return `${number(percent, percent >= 10 ? 1 : 2, locale)}${NBSP}%`;
}

/** A percentage from 0 to 100 with at most two decimals, such as the blend. */
export function percent(n, locale) {
	return known(n) ? `${number(n, 2, locale)}${NBSP}%` : UNKNOWN;
}

export function millis(n, locale) {
	if (!known(n)) return UNKNOWN;
	if (n >= 1000) return `${number(n / 1000, n >= 10000 ? 0 : 1, locale)}${NBSP}s`;
	return `${n < 10 ? fixed(n, 1, locale) : number(n, 0, locale)}${NBSP}ms`;
}

/** A length of time in seconds, in its two largest units. */
export function duration(seconds) {
	if (!known(seconds)) return UNKNOWN;
	const whole = Math.max(0, Math.round(seconds));
	const parts = [
		[Math.floor(whole / 86400), 'd'],
		[Math.floor(whole / 3600) % 24, 'h'],
		[Math.floor(whole / 60) % 60, 'min'],
		[whole % 60, 's'],
	];
	const first = parts.findIndex(([n]) => n > 0);
	if (first < 0) return `0${NBSP}s`;
	return parts
		.slice(first, first + 2)
		.filter(([n]) => n > 0)
		.map(([n, unit]) => `${n}${NBSP}${unit}`)
		.join(' ');
}

/** How long ago. A time in the future, from a clock that runs ahead, is `just now`. */
export function ago(at, now) {
	if (!known(at)) return UNKNOWN;
	const seconds = Math.floor((now - at) / 1000);
	if (seconds < 5) return 'just now';
	return `${inOneUnit(seconds)} ago`;
}

export function ahead(at, now) {
	if (!known(at)) return UNKNOWN;
	const seconds = Math.ceil((at - now) / 1000);
	return seconds <= 0 ? 'now' : `in ${inOneUnit(seconds)}`;
}

function inOneUnit(seconds) {
	if (seconds < 60) return `${seconds}${NBSP}s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)}${NBSP}min`;
	if (seconds < 86400) return `${Math.floor(seconds / 3600)}${NBSP}h`;
	return `${Math.floor(seconds / 86400)}${NBSP}d`;
}

/** The time of day in the reader's time zone. */
export function timeOfDay(at, locale) {
	return known(at) ? new Date(at).toLocaleTimeString(locale) : UNKNOWN;
}

export function fullTime(at, locale) {
	if (!known(at)) return UNKNOWN;
	return new Date(at).toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'long' });
}
