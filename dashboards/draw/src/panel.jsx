// One panel, by its kind, with the component that Grafana itself draws it with.
import React from 'react';
import { getDisplayProcessor, getFieldDisplayValues } from '@grafana/data';
import { BarGauge, BigValue, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

const KINDS = { timeseries: Curves, stat: Stat, bargauge: Bars, table: Rows };

export function Panel(props) {
  const { panel, frames, theme } = props;
  const Kind = KINDS[panel.type];
  if (!Kind) {
    throw new Error(`panel "${panel.title}": the kind ${panel.type} cannot be drawn; add it to panel.jsx`);
  }
  const empty = !frames.some((frame) => frame.length > 0);
  return empty ? <NoData {...props} theme={theme} /> : <Kind {...props} />;
}

function NoData({ width, height, theme }) {
  const style = { width, height, display: 'grid', placeItems: 'center', color: theme.colors.text.secondary };
  return <div style={style}>No data</div>;
}

function Curves({ panel, frames, timeRange, width, height }) {
  return (
    <TimeSeries
      frames={frames}
      width={width}
      height={height}
      timeRange={timeRange}
      timeZone="utc"
      legend={panel.options.legend}
      options={panel.options}
    />
  );
}

function displayValues({ panel, frames, theme }) {
  return getFieldDisplayValues({
    data: frames,
    reduceOptions: panel.options.reduceOptions,
    fieldConfig: panel.fieldConfig,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
}

function Stat(props) {
  const { panel, theme, width, height } = props;
  const values = displayValues(props);
  const { colorMode, graphMode, justifyMode, textMode } = panel.options;
  return (
    <div style={{ display: 'flex', width, height }}>
      {values.map((value, index) => (
        <BigValue
          key={index}
          width={width / values.length}
          height={height}
          theme={theme}
          value={value.display}
          {...{ colorMode, graphMode, justifyMode, textMode }}
        />
      ))}
    </div>
  );
}

function Bars(props) {
  const { panel, theme, width, height } = props;
  const values = displayValues(props);
  const { displayMode, orientation, showUnfilled, valueMode, maxVizHeight } = panel.options;
  const most = Math.max(...values.map((value) => value.display.numeric));
  const each = Math.min(height / values.length - 10, maxVizHeight);
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 10, width, height }}>
      {values.map((value, index) => (
        <BarGauge
          key={index}
          width={width}
          height={each}
          theme={theme}
          field={{ ...value.field, min: 0, max: value.field.max ?? most }}
          value={{ ...value.display, percent: value.display.numeric / most }}
          display={value.view?.getFieldDisplayProcessor(value.colIndex) ?? getDisplayProcessor({ field: { config: value.field }, theme })}
          text={{ titleSize: 13, valueSize: 14 }}
          alignmentFactors={alignment(values)}
          valueDisplayMode={valueMode}
          {...{ displayMode, orientation, showUnfilled }}
        />
      ))}
    </div>
  );
}

function alignment(values) {
  const longest = (of) => values.map(of).reduce((a, b) => (b.length > a.length ? b : a), '');
  return { title: longest((value) => value.display.title ?? ''), text: longest((value) => value.display.text) };
}

function Rows({ panel, frames, timeRange, width, height }) {
  return (
    <TableNG
      data={frames[0]}
      width={width}
      height={height}
      timeRange={timeRange}
      initialSortBy={panel.options.sortBy}
      cellHeight={panel.options.cellHeight}
      fieldConfig={panel.fieldConfig}
      enableVirtualization={false}
    />
  );
}
