// An app's settings as controls: which there are, what each allows, and what saving would change. The schema is the API's own
// description, so that a setting which the router learns has a control at once. Pure.

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
						choices: each.enum ?? null,
						minimum: each.minimum,
						maximum: each.maximum,
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

/** What a field may hold, and what holds without it. */
export function allowedWords({ kind, minimum, maximum, unit, fallback }) {
	const number = (n) => n.toLocaleString();
	const end = unit ? `\u00a0${unit}` : '';
	const range = minimum !== undefined && maximum !== undefined ? `${number(minimum)} to ${number(maximum)}${end}` : '';
	if (kind === 'choice' || kind === 'boolean') return '';
	const empty = fallback === null || fallback.length === 0 ? 'none' : typeof fallback === 'number' ? `${number(fallback)}${end}` : fallback;
	return [range, kind === 'array' ? 'one per line' : '', `empty: ${empty}`].filter(Boolean).join('; ');
}

/** The text of a control for a value; what is not set is empty. */
export function settingText({ kind }, value) {
	if (value === undefined || value === null) return '';
	return kind === 'array' && Array.isArray(value) ? value.join('\n') : String(value);
}

/** The value of a control's text: `{value}`, undefined when empty, or `{error}` when it is none of its kind. Ranges are the router's to judge. */
export function settingValue({ kind }, text) {
	const bare = text.trim();
	if (bare === '') return { value: undefined };
	if (kind === 'array') return { value: bare.split(/[\s,]+/).filter(Boolean) };
	if (kind === 'boolean') return { value: bare === 'true' };
	if (kind === 'integer' && !/^-?\d{1,15}$/.test(bare)) return { error: `“${bare}” is no whole number.` };
	if (kind === 'number' && !/^-?\d{1,15}(\.\d+)?$/.test(bare)) return { error: `“${bare}” is no number such as 12.5.` };
	return { value: kind === 'integer' || kind === 'number' ? Number(bare) : bare };
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The value at a path such as `health.fall`. */
export function valueAt(settings, path) {
	return path.split('.').reduce((inner, name) => inner?.[name], settings);
}

/** The settings with another value at a path; undefined takes it out, and an object that becomes empty with it. */
export function withValue(settings, path, value) {
	const [name, ...rest] = path.split('.');
	const inner = rest.length ? withValue(isObject(settings[name]) ? settings[name] : {}, rest.join('.'), value) : value;
	const { [name]: _, ...others } = settings;
	if (inner === undefined || (rest.length && Object.keys(inner).length === 0)) return others;
	return name in settings ? { ...settings, [name]: inner } : { ...others, [name]: inner };
}

/** The merge patch (RFC 7396) from one to the other: only what changes is sent, so that nobody else's change is undone. */
export function mergePatch(before, after) {
	const patch = {};
	for (const name of Object.keys(before)) if (!(name in after)) patch[name] = null;
	for (const [name, value] of Object.entries(after)) {
		if (same(before[name], value)) continue;
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
export function settingChanges(fields, before, after) {
	return fields.flatMap((field) => {
		const [old, next] = [valueAt(before, field.path), valueAt(after, field.path)];
		if (same(old, next)) return [];
		const name = field.group ? `${field.group.title}, ${field.title}` : field.title;
		return [`${name}: ${valueWords(field, old)} → ${valueWords(field, next)}`];
	});
}

/** A value as people read it; without one, its default. */
export function valueWords(field, value) {
	if (value === undefined) return `${valueWords(field, field.fallback)} (the default)`;
	if (value === null || value.length === 0) return 'none';
	if (typeof value === 'boolean') return value ? 'on' : 'off';
	return `${Array.isArray(value) ? value.join(', ') : value}${field.unit && typeof value === 'number' ? `\u00a0${field.unit}` : ''}`;
}
