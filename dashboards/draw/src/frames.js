// From the answers in frames.json to what a panel draws: transformations and field options, applied by Grafana's code.
import { applyFieldOverrides, cacheFieldDisplayNames, Registry, toDataFrame, transformDataFrame } from '@grafana/data';
import { firstValueFrom } from 'rxjs';

const STANDARD = ['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'thresholds', 'mappings', 'color'];

// Grafana's server brings an editor for every option; a picture needs only the names of those that the panel uses.
function optionsOf({ defaults, overrides }) {
  const set = overrides.flatMap((override) => override.properties.map((property) => property.id));
  const custom = [...Object.keys(defaults.custom ?? {}).map((name) => `custom.${name}`), ...set];
  const names = new Set(custom.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length)));
  return new Registry(() => [
    ...STANDARD.map((id) => option(id, id, false)),
    ...[...names].map((name) => option(`custom.${name}`, name, true)),
  ]);
}

function option(id, path, isCustom) {
  return { id, path, name: id, isCustom, process: (value) => value, shouldApply: () => true };
}

export async function prepare(panel, answers, theme) {
  const raw = answers.map((frame) => toDataFrame(frame));
  const context = { interpolate: (text) => text };
  const data = await firstValueFrom(transformDataFrame(panel.transformations ?? [], raw, context));
  const fieldConfig = withDefaults(panel.fieldConfig);
  const frames = applyFieldOverrides({
    data,
    fieldConfig,
    fieldConfigRegistry: optionsOf(fieldConfig),
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(frames);
  return { panel, frames };
}

function withDefaults({ defaults, overrides }) {
  const thresholds = { mode: 'absolute', steps: [{ value: -Infinity, color: 'green' }] };
  return { defaults: { thresholds, ...defaults }, overrides: overrides ?? [] };
}
