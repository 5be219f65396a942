// An app's settings as controls: which settings there are, what each allows, and what saving would change. The schema comes from the
// API's description, so a new setting of the router has a control at once. Pure.

import { typedLines, typedList } from './typed-list.js';

/** Every single setting of a schema: `{path, group, title, description, kind, choices, minimum, maximum, unit, fallback}`. */
export function settingFields(schema, prefix = '', group = null) {
	return Object.entries(schema.properties ?? {}).flatMap(([name, each]) =>
		each.properties
			? settingFields(each, `${prefix}${name}.`, { name, title: each.title ?? name, description: each.description ?? '' })
			: [
					{
						path: prefix + name,
						group,
						title: each.title ?? name,
						description: each.description ?? '',
						kind: kindOf(each),
						choices: each.enum?.filter((choice) => choice !== null) ?? null,
						minimum: each.minimum,
						maximum: each.maximum,
						isLines: Boolean(each['x-lines']),
						unit: each['x-unit'] ?? '',
						fallback: each.default ?? null,
					},
				],
	);
}

function kindOf({ type, enum: choices }) {
	if (choices) return 'choice';
	return [type].flat().find((one) => one !== 'null') ?? 'string';
}

/** What a setting allows, and what applies when it is empty. */
export function describeAllowed({ kind, minimum, maximum, unit, fallback }) {
	if (kind === 'choice' || kind === 'boolean') return '';
	const end = unit ? `\u00a0${unit}` : '';
	const hasRange = minimum !== undefined && maximum !== undefined;
	const range = hasRange ? `Allowed: ${minimum.toLocaleString()} to ${maximum.toLocaleString()}${end}.` : '';
	return [range, kind === 'array' ? 'One per line.' : '', `Empty: ${describeFallback(fallback, end)}.`].filter(Boolean).join(' ');
}

function describeFallback(fallback, end) {
	if (fallback === null) return 'not set';
	if (typeof fallback === 'number') return `${fallback.toLocaleString()}${end}`;
	return fallback.length === 0 ? 'none' : fallback;
}

/** The text of a control for a value. It is empty for a value that is not set. */
export function formatSetting({ kind }, value) {
	if (value === undefined || value === null) return '';
	return kind === 'array' && Array.isArray(value) ? value.join('\n') : String(value);
}

/**
 * Reads a control's text: `{value}`, which is undefined for an empty text, or `{error}` when the text is of another kind. The router checks
 * the ranges.
 */
export function parseSetting({ kind, isLines }, input) {
	const text = input.trim();
	if (text === '') return { value: undefined };
	if (kind === 'array') return { value: splitList(text, isLines) };
	if (kind === 'boolean') return { value: text === 'true' };
	if (kind === 'integer' && !/^-?\d{1,15}$/.test(text)) return { error: `“${text}” is not a whole number.` };
	if (kind === 'number' && !/^-?\d{1,15}(\.\d+)?$/.test(text)) return { error: `“${text}” is not a number. Type one such as 12.5.` };
	return { value: kind === 'integer' || kind === 'number' ? Number(text) : text };
}

// Items that may hold spaces stand one on a line; others may also stand side by side.
const splitList = (text, isLines) => (isLines ? typedLines(text) : typedList(text));

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The value at a path such as `health.fall`. */
export function valueAt(settings, path) {
	return path.split('.').reduce((inner, name) => inner?.[name], settings);
}

/** The settings with another value at a path. Undefined removes the value, and the object around it when that becomes empty. */
export function withValue(settings, path, value) {
	const [name, ...rest] = path.split('.');
	const inner = rest.length ? withValue(isObject(settings[name]) ? settings[name] : {}, rest.join('.'), value) : value;
	const { [name]: _, ...others } = settings;
	if (inner === undefined || (rest.length && Object.keys(inner).length === 0)) return others;
	return name in settings ? { ...settings, [name]: inner } : { ...others, [name]: inner };
}

/** The merge patch (RFC 7396) from `before` to `after`. Only what changes is sent, so that nobody else's change is undone. */
export function mergePatch(before, after) {
	const patch = {};
	for (const name of Object.keys(before)) if (!(name in after)) patch[name] = null;
	for (const [name, value] of Object.entries(after)) {
		if (isSame(before[name], value)) continue;
		patch[name] = isObject(value) && isObject(before[name]) ? mergePatch(before[name], value) : value;
	}
	return patch;
}

/** The settings after a merge patch. */
export function applyPatch(settings, patch) {
	const after = { ...settings };
	for (const [name, value] of Object.entries(patch)) {
		if (value === null) delete after[name];
		else after[name] = isObject(value) ? applyPatch(isObject(after[name]) ? after[name] : {}, value) : value;
	}
	return after;
}

/** What saving changes, in words: `Health checks, Fall: 3 → 5`. */
export function describeSettingChanges(fields, before, after) {
	return fields.flatMap((field) => {
		const [old, next] = [valueAt(before, field.path), valueAt(after, field.path)];
		if (isSame(old, next)) return [];
		const name = field.group ? `${field.group.title}, ${field.title}` : field.title;
		return [`${name}: ${describeSetting(field, old)} → ${describeSetting(field, next)}`];
	});
}

/** A value as people read it, or the default when it is not set. */
export function describeSetting(field, value) {
	if (value === undefined) return `${describeSetting(field, field.fallback)} (the default)`;
	if (value === null || value.length === 0) return 'none';
	if (typeof value === 'boolean') return value ? 'on' : 'off';
	return `${Array.isArray(value) ? value.join(', ') : value}${field.unit && typeof value === 'number' ? `\u00a0${field.unit}` : ''}`;
}
